#include <fmt/format.h>

#include "base/utf8.h"
#include "chat/budget.h"
#include "chat/lexer.h"

namespace nalar::chat {
namespace {

constexpr size_t kNotFound = std::string_view::npos;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// \x, \u or \U with its digits; `at` is at the letter and ends behind them.
void append_code(std::string& out, std::string_view inside, size_t& at) {
  const char letter = inside[at];
  const size_t digits = letter == 'x' ? 2 : (letter == 'u' ? 4 : 8);
  uint32_t code = 0;
  for (size_t i = 1; i <= digits; ++i) {
    const char c = at + i < inside.size() ? inside[at + i] : '\0';
    if (hex_value(c) < 0) fail(fmt::format("truncated \\{} escape", letter));
    code = code * 16 + static_cast<uint32_t>(hex_value(c));
  }
  if (code > 0x10FFFF) fail("illegal Unicode character");
  if (code >= 0xD800 && code < 0xE000) fail(fmt::format("\\{} escape of a lone surrogate", letter));
  base::append_utf8(out, code);
  at += digits + 1;
}

void append_octal(std::string& out, std::string_view inside, size_t& at) {
  uint32_t code = 0;
  for (int i = 0; i < 3 && at < inside.size() && inside[at] >= '0' && inside[at] <= '7';
       ++i, ++at) {
    code = code * 8 + static_cast<uint32_t>(inside[at] - '0');
  }
  base::append_utf8(out, code);
}

}  // namespace

std::string unescape(std::string_view inside) {
  constexpr std::string_view kLetters = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  std::string out;
  for (size_t at = 0; at < inside.size();) {
    if (inside[at] != '\\' || at + 1 == inside.size()) {
      out += inside[at++];
      continue;
    }
    const char c = inside[++at];
    const size_t letter = kLetters.find(c);
    if (c == '\n') {
      ++at;
    } else if (letter != kNotFound) {
      out += kMeanings[letter];
      ++at;
    } else if (c >= '0' && c <= '7') {
      append_octal(out, inside, at);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      append_code(out, inside, at);
    } else if (c == 'N') {
      fail("\\N{…} escapes are not available");
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      // Python sees \é as a backslash that is followed by the escape of é, and so ends up with its
      // letters.
      const auto code = base::decode_utf8(inside, at);
      const auto n = static_cast<uint32_t>(code.code);
      out += n < 0x100 ? fmt::format("\\x{:02x}", n)
                       : (n < 0x10000 ? fmt::format("\\u{:04x}", n) : fmt::format("\\U{:08x}", n));
      at += static_cast<size_t>(code.length);
    } else {
      out += '\\';
      out += c;
      ++at;
    }
  }
  return out;
}

}  // namespace nalar::chat
