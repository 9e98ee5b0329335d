#pragma once

#include <nalar/json.h>
#include <nalar/model.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "convert/form_tensor.h"

namespace nalar::convert {

// Any model as a folder that transformers loads: tensors that read the model's own, and the small
// files. Borrows from the model, which must outlive it.
struct HfForm {
  std::vector<FormTensor> tensors;
  Json config;                                             // config.json
  std::vector<std::pair<std::string, std::string>> files;  // name and content of the others
  std::vector<std::string> left_out;  // what the source has and the folder cannot say
  std::vector<std::string> notices;
};

// All weights in `dtype` (F32, F16, BF16). none: a folder's as they are; a GGUF file's in the type
// of its matrices, where they are quantized in F16, which keeps three bits more of a value than
// BF16; gemma3's in BF16, since its activations leave the range of F16, which transformers would
// compute in. Errors: bad_data for what transformers cannot say, by name.
HfForm hf_form(const Model& model, std::optional<DType> dtype = std::nullopt);

// Says in config.json that the head is not the embedding.
void untie_head(Json& config);

}  // namespace nalar::convert
