#pragma once

#include <string>
#include <string_view>

namespace nalar::tokenizer {

// Rewrites a pattern from the syntax of the tokenizers package (Oniguruma's Ruby syntax) to
// PCRE2's, so that it means the same under UTF + UCP + MULTILINE: \s and \w by their Unicode
// properties, \h as a hexadecimal digit, (?m) as "dot matches newline", {,n} as {0,n}. Errors:
// bad_data for what one of the two does not have (set operations, recursion, verbs, callouts).
std::string to_pcre2(std::string_view pattern);

}  // namespace nalar::tokenizer
