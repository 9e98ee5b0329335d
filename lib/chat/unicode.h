#pragma once

#include <string>

namespace nalar::chat::unicode {

// Python's str predicates and case mappings, one character at a time.
bool is_space(char32_t c);
bool is_line_break(char32_t c);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
int decimal_value(char32_t c);  // 0 to 9, or -1
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_alnum(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_title(char32_t c);
bool is_cased(char32_t c);
bool is_printable(char32_t c);
bool is_word(char32_t c);              // \w
bool is_identifier_start(char32_t c);  // str.isidentifier
bool is_identifier_part(char32_t c);

// Full mappings: "ß" becomes "SS".
void append_upper(std::string& out, char32_t c);
void append_lower(std::string& out, char32_t c);
void append_title(std::string& out, char32_t c);
void append_folded(std::string& out, char32_t c);

}  // namespace nalar::chat::unicode
