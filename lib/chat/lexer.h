#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::chat {

enum class TokenType {
  data,            // text between tags
  variable_begin,  // {{
  variable_end,
  block_begin,  // {%
  block_end,
  name,
  string,
  integer,
  number,
  symbol,  // an operator or bracket
  end,
};

struct Token {
  TokenType type;
  size_t offset;      // in the source
  std::string value;  // the text; of a string what it stands for; of a symbol itself
};

// What is wrong with a source, and where.
struct SourceError {
  size_t offset = 0;
  std::string message;
};

// The source as the lexer reads it: line breaks as \n, one at the end dropped.
std::string normalize_source(std::string_view source);

struct LexerOptions {
  bool trim_blocks = true;    // the line break behind a tag is dropped
  bool lstrip_blocks = true;  // white space between the line's begin and a tag is dropped
};

// Cuts a normalized template into tokens as jinja2 does, comments and raw blocks done with. Throws
// SourceError.
std::vector<Token> tokenize(std::string_view source, const LexerOptions& options = {});

// The text that a string literal's inside stands for, with Python's escapes. Throws Failure.
std::string unescape(std::string_view inside);

}  // namespace nalar::chat
