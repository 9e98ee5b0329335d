#pragma once

#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

#include <optional>
#include <string>
#include <vector>

#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// A token of added_tokens, added_tokens_decoder or added_tokens.json.
struct HfAddedToken {
  int64_t id = 0;
  std::string content;
  bool special = false;
  bool single_word = false;
  bool strip_left = false;
  bool strip_right = false;
  bool normalized = false;
};

// What the files beside a tokenizer say about it: tokenizer_config.json, special_tokens_map.json,
// added_tokens.json, generation_config.json and config.json, as far as they are there.
struct HfSideFiles {
  std::optional<std::string> bos, eos, unk, pad;
  std::optional<bool> add_bos, add_eos;
  std::vector<HfAddedToken> added;  // of added_tokens_decoder, else of added_tokens.json
  std::vector<int64_t> end_ids;     // of generation_config.json, else of config.json
};
// Errors: bad_data with file and key.
HfSideFiles read_side_files(const ModelFiles& files);

// Fills `special` from the side files: names become ids, and these become control tokens in
// `vocab`. Errors: bad_data: an end id out of range. A name without a token is a notice.
SpecialTokens resolve_special(const HfSideFiles& side, Vocab& vocab);

// add_bos_token and add_eos_token, where they are told, decide what stands at the two ends.
void apply_frame(const HfSideFiles& side, const SpecialTokens& special,
                 std::vector<TokenId>& prefix, std::vector<TokenId>& suffix);

// An entry of an array of added tokens. Errors: bad_data with the key.
class JsonAt;
HfAddedToken read_added_token(const JsonAt& json, int64_t id);

}  // namespace nalar::tokenizer
