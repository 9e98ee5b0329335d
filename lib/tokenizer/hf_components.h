#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tokenizer/json_at.h"
#include "tokenizer/pieces.h"
#include "tokenizer/pipeline_tokenizer.h"
#include "tokenizer/token_decoder.h"

// The components of a tokenizer.json, named as the tokenizers package names them. Errors: bad_data
// with the component's path: an unknown type, a missing or wrong key, an invalid pattern.
namespace nalar::tokenizer {

void add_hf_normalizer(const JsonAt& json, std::vector<NormalizeStep>& steps);

struct HfPreTokenizer {
  std::vector<PiecesStep> steps;
  // The last step was to map bytes to their stand-ins; it is left to the model.
  bool raw_bytes = false;
};
// allow_raw: the model can take bytes.
HfPreTokenizer hf_pre_tokenizer(const JsonAt& json, bool allow_raw);

void add_hf_decoder(const JsonAt& json, std::vector<DecodeStep>& steps);

struct HfFrame {
  std::vector<TokenId> prefix, suffix;
};
// What a post-processor puts around a single text.
void add_hf_post_processor(const JsonAt& json, const Vocab& vocab, HfFrame& frame);

// A pattern of Split or Replace: {"String": …} or {"Regex": …}.
struct HfPattern {
  std::string text;
  bool is_regex = false;
};
HfPattern hf_pattern(const JsonAt& json);

}  // namespace nalar::tokenizer
