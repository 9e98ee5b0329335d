#pragma once

#include <nalar/model.h>

#include <optional>
#include <string>
#include <vector>

#include "convert/form_tensor.h"
#include "io/gguf_writer.h"

namespace nalar::convert {

// Any model as llama.cpp's format has it: keys, and tensors that read the model's own. Borrows from
// the model, which must outlive it.
struct GgufForm {
  io::GgufKeys keys;
  std::vector<FormTensor> tensors;
  std::vector<std::string> left_out;  // what the source has and the format cannot say
  std::vector<std::string> notices;   // what readers of the format may do otherwise
};

// Matrices in `dtype`, or as the source has them; vectors in F32, as readers need them. A GGUF
// source keeps its keys and its tensors; with other values (`changed`, or a dtype) not what a
// quantizer wrote about them. Errors: bad_data for what the model computes and the
// format cannot say, and for a tokenizer that it cannot hold, by name.
GgufForm gguf_form(const Model& model, std::optional<DType> dtype = std::nullopt,
                   bool changed = false);

}  // namespace nalar::convert
