#pragma once

#include <nalar/model.h>

#include <string>

namespace nalar::model {

// Tells models apart without reading them whole: SHA-256, in hex, over the names, types and shapes
// of the tensors in the order of the forward pass, and the first and last 4 KiB of each one's
// bytes. The same for a model wherever it lies and however its file is laid out.
std::string fingerprint(const Model& model);

}  // namespace nalar::model
