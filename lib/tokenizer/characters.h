#pragma once

#include <cstddef>
#include <string_view>

namespace nalar::tokenizer {

// Properties of code points, as the tokenizers package asks for them.
bool is_white_space(char32_t c);  // Unicode White_Space
bool is_numeric(char32_t c);      // categories N*
bool is_punctuation(char32_t c);  // categories P*, and all ASCII punctuation
bool is_mark(char32_t c);         // categories M*
bool is_word(char32_t c);         // what \w matches

// Bytes of white space at the beginning / end of a text.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);

}  // namespace nalar::tokenizer
