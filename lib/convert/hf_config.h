#pragma once

#include <nalar/json.h>
#include <nalar/model.h>
#include <nalar/tokenizer.h>

#include <string_view>

namespace nalar::convert {

// config.json of a GGUF model, in words that transformers 4 and 5 both read. `tokenizer` may be
// null. Errors: bad_data for what the model computes and the family's class cannot.
Json hf_config(const Model& model, DType dtype, const Tokenizer* tokenizer);

// What config.json calls the type of the weights: "float16", "bfloat16", else "float32".
std::string_view torch_name(DType dtype);

// generation_config.json: the file's sampling values and every token that ends a turn.
Json hf_generation_config(const ModelConfig& config, const Tokenizer* tokenizer);

}  // namespace nalar::convert
