#pragma once

#include <nalar/model.h>

#include <functional>
#include <span>
#include <string>

#include "io/file_system.h"
#include "model/tensor_names.h"

namespace nalar::convert {

// Of a tensor, in the order of the model's rows; empty for one that keeps its values.
using NewValues = std::function<std::span<const float>(model::TensorName)>;

// The files of HfForm but the model card, with other values, into a folder that is there: each is
// made or replaced whole. Errors: those of hf_form and write_tensor; cannot_create; io.
void write_trained_folder(io::FileSystem& files, const std::string& folder, const Model& base,
                          const NewValues& values, int threads);

}  // namespace nalar::convert
