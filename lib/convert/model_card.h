#pragma once

#include <nalar/model_files.h>

#include <string>

#include "io/gguf_metadata.h"
#include "io/gguf_writer.h"

// Where a model comes from: the front matter of a model card (README.md) and general.* keys.
namespace nalar::convert {

// general.license and general.base_model.*, as far as the card says them.
void set_card_keys(const ModelFiles& files, io::GgufKeys& keys);
// A card that says what these keys do; "" where they say nothing.
std::string card_of_keys(const io::GgufMetadata& keys);

}  // namespace nalar::convert
