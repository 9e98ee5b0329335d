#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::tokenizer {

// A token on its way back to text.
struct TokenText {
  std::string text;
  bool literal = false;  // already text: no step changes it
  bool bytes = false;    // raw bytes of a byte token
};

// One step back from tokens to text; `at_start` = the first token begins the text, so that what is
// stripped from a beginning is stripped.
using DecodeStep = std::function<void(std::vector<TokenText>& tokens, bool at_start)>;

// The bytes that the stand-ins of a byte-level vocabulary spell; a token with other characters is
// text.
DecodeStep decode_byte_level();
// "<0x0A>" becomes its byte.
DecodeStep decode_byte_fallback();
DecodeStep decode_replace_literal(std::string from, std::string to);
// Changes the text of every token.
DecodeStep decode_each(std::function<void(std::string&)> change);
// A space between any two tokens.
DecodeStep decode_join_spaces();
// Joins all tokens into one.
DecodeStep decode_fuse();
// Takes up to `start` characters `content` from the beginning of every token and up to `stop` from
// its end.
DecodeStep decode_strip(std::string content, int start, int stop);
// Spaces for `replacement`; in the first token none, unless nothing was prepended.
DecodeStep decode_metaspace(std::string replacement, bool drop_first);
// Takes `mark` from the first token with text, or (`all`) as long as there is no text yet.
DecodeStep decode_first_mark(std::string mark, bool any, bool all);
// The suffix that ends a word becomes a space, at the end of the text nothing.
DecodeStep decode_word_suffix(std::string suffix);

std::string run_decoder(const std::vector<DecodeStep>& steps, std::vector<TokenText> tokens,
                        bool at_start);

}  // namespace nalar::tokenizer
