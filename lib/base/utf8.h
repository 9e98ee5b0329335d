#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nalar::base {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Utf8Char {
  char32_t code;   // kReplacement where the bytes are no UTF-8
  int length;      // bytes it takes, ≥ 1
  bool valid;
};
// The character at text[at]. Invalid bytes are grouped as Unicode recommends (and Python and Rust do): a maximal
// prefix of a well-formed sequence is one replacement. REQUIRES at < text.size().
Utf8Char decode_utf8(std::string_view text, size_t at) noexcept;
void append_utf8(std::string& out, char32_t code);

bool is_valid_utf8(std::string_view text) noexcept;
// Bytes that are no UTF-8 become U+FFFD.
std::string to_valid_utf8(std::string_view text);
// How many bytes at the end are the beginning of a sequence that could still be completed (0 to 3).
size_t incomplete_tail(std::string_view text) noexcept;

// For messages: control characters, bidirectional controls and invalid bytes as \n, \t, \xNN or
// \u{NNNN}; cut after max_bytes with "…".
std::string escaped(std::string_view text, size_t max_bytes = 200);

}  // namespace nalar::base
