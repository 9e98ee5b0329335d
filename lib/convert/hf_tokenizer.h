#pragma once

#include <nalar/json.h>
#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

namespace nalar::convert {

// tokenizer.json and tokenizer_config.json of a GGUF file's tokenizer, for transformers' class of
// any tokenizer.json.
struct HfTokenizer {
  Json tokenizer, config;
};
// Errors: bad_data for a tokenizer that a tokenizer.json of this kind does not say: the finished
// one is tried on texts of many kinds.
HfTokenizer hf_tokenizer(const ModelFiles& files, const Tokenizer& tokenizer);

}  // namespace nalar::convert
