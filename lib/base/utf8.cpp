#include "base/utf8.h"

#include <fmt/format.h>

namespace nalar::base {
namespace {

struct Lead {
  int length;        // of the whole sequence, 0 = not a lead byte
  unsigned char low, high;  // range of the second byte
};

// Table 3-7 of the Unicode standard.
Lead lead(unsigned char b) noexcept {
  if (b < 0x80) return {1, 0, 0};
  if (b < 0xC2) return {0, 0, 0};
  if (b < 0xE0) return {2, 0x80, 0xBF};
  if (b == 0xE0) return {3, 0xA0, 0xBF};
  if (b == 0xED) return {3, 0x80, 0x9F};
  if (b < 0xF0) return {3, 0x80, 0xBF};
  if (b == 0xF0) return {4, 0x90, 0xBF};
  if (b < 0xF4) return {4, 0x80, 0xBF};
  if (b == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

bool hidden_or_steering(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || (c >= 0xE0000 && c <= 0xE007F) || c == 0x2028 || c == 0x2029;
}

}  // namespace

Utf8Char decode_utf8(std::string_view text, size_t at) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead l = lead(byte(at));
  if (l.length == 0) return {kReplacement, 1, false};
  if (l.length == 1) return {byte(at), 1, true};
  char32_t code = byte(at) & (0xFFu >> (l.length + 1));
  for (int i = 1; i < l.length; ++i) {
    if (at + static_cast<size_t>(i) >= text.size()) return {kReplacement, i, false};
    const unsigned char b = byte(at + static_cast<size_t>(i));
    const bool in_range = i == 1 ? b >= l.low && b <= l.high : (b & 0xC0) == 0x80;
    if (!in_range) return {kReplacement, i, false};
    code = code << 6 | (b & 0x3Fu);
  }
  return {code, l.length, true};
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t v) { out.push_back(static_cast<char>(v)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool is_valid_utf8(std::string_view text) noexcept {
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    if (!c.valid) return false;
    i += static_cast<size_t>(c.length);
  }
  return true;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    if (c.valid) {
      out.append(text.substr(i, static_cast<size_t>(c.length)));
    } else {
      append_utf8(out, kReplacement);
    }
    i += static_cast<size_t>(c.length);
  }
  return out;
}

size_t incomplete_tail(std::string_view text) noexcept {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const size_t at = text.size() - back;
    const auto b = static_cast<unsigned char>(text[at]);
    if ((b & 0xC0) == 0x80) continue;
    const Utf8Char c = decode_utf8(text, at);
    const bool open = !c.valid && static_cast<size_t>(c.length) == back && lead(b).length > 0;
    return open ? back : 0;
  }
  return 0;
}

std::string escaped(std::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    std::string shown;
    if (!c.valid) {
      for (int k = 0; k < c.length; ++k) {
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i + static_cast<size_t>(k)]));
      }
    } else if (c.code == '\n') {
      shown = "\\n";
    } else if (c.code == '\t') {
      shown = "\\t";
    } else if (c.code < 0x80 && hidden_or_steering(c.code)) {
      shown = fmt::format("\\x{:02x}", static_cast<unsigned>(c.code));
    } else if (hidden_or_steering(c.code)) {
      shown = fmt::format("\\u{{{:x}}}", static_cast<unsigned>(c.code));
    } else {
      shown = text.substr(i, static_cast<size_t>(c.length));
    }
    if (out.size() + shown.size() > max_bytes) return out + "…";
    out += shown;
    i += static_cast<size_t>(c.length);
  }
  return out;
}

}  // namespace nalar::base
