#pragma once

#include <nalar/tokenizer.h>

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/prefix_index.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// A token that is found in text as a whole, before anything else happens to the text.
struct AddedToken {
  TokenId id = kNoToken;
  std::string_view text;     // borrowed
  bool control = false;      // only where the caller allows it
  bool single_word = false;  // not inside a word
  bool strip_left = false;   // takes the white space before it along
  bool strip_right = false;
};

// A stretch of a text: a token, or text to encode.
struct Part {
  TextRange range;
  TokenId id = kNoToken;
};

class AddedTokens {
 public:
  // Errors: bad_data: a token so long that it could not be searched for in reasonable time.
  explicit AddedTokens(std::vector<AddedToken> tokens = {});
  bool empty() const { return tokens_.empty(); }
  // Cuts `text` at the tokens in it, the longest that begins first. `options` as in EncodeOptions.
  std::vector<Part> split(std::string_view text, const EncodeOptions& options) const;

 private:
  std::vector<AddedToken> tokens_;
  PrefixIndex index_;
};

}  // namespace nalar::tokenizer
