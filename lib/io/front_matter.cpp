#include "io/front_matter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/utf8.h"

namespace nalar::io {
namespace {

// YAML 1.2, section 5.7: escapes of one character, and the digits that follow x, u and U.
constexpr std::pair<char, char32_t> kEscapes[] = {
    {'0', 0},   {'a', 7},     {'b', 8},    {'t', 9},    {'\t', 9},     {'n', 10},
    {'v', 11},  {'f', 12},    {'r', 13},   {'e', 27},   {' ', ' '},    {'"', '"'},
    {'/', '/'}, {'\\', '\\'}, {'N', 0x85}, {'_', 0xA0}, {'L', 0x2028}, {'P', 0x2029}};
constexpr std::pair<char, size_t> kDigits[] = {{'x', 2}, {'u', 4}, {'U', 8}};

// Characters that may stand in double quotes as they are, and are no end of a line.
bool is_printable(char32_t c) {
  return (c >= 0x20 && c < 0x7F) ||
         (c >= 0xA0 && c != 0x2028 && c != 0x2029 && c != 0xFEFF && c != 0xFFFE && c != 0xFFFF);
}

bool is_character(uint32_t code) { return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF); }

// The escape behind a backslash at the front of `text`, which is taken away.
bool take_escape(std::string_view& text, std::string& out) {
  if (text.empty()) return false;
  const char name = text.front();
  text.remove_prefix(1);
  for (const auto& [escape, code] : kEscapes) {
    if (escape != name) continue;
    base::append_utf8(out, code);
    return true;
  }
  for (const auto& [escape, n] : kDigits) {
    if (escape != name || text.size() < n) continue;
    uint32_t code = 0;
    const char* const end = text.data() + n;
    const auto [rest, error] = std::from_chars(text.data(), end, code, 16);
    if (error != std::errc() || rest != end || !is_character(code)) return false;
    text.remove_prefix(n);
    base::append_utf8(out, code);
    return true;
  }
  return false;
}

bool is_end_of_value(std::string_view rest) {
  const size_t at = rest.find_first_not_of(" \t");
  return at == rest.npos || (at > 0 && rest[at] == '#');
}

std::optional<std::string> double_quoted(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return is_end_of_value(text) ? std::optional(out) : std::nullopt;
    if (c != '\\') {
      out += c;
    } else if (!take_escape(text, out)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<std::string> single_quoted(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\'') {
      if (!text.starts_with('\'')) return is_end_of_value(text) ? std::optional(out) : std::nullopt;
      text.remove_prefix(1);
    }
    out += c;
  }
  return std::nullopt;
}

std::optional<std::string> plain(std::string_view text) {
  // These begin a list, a mapping, a block of lines or a name for one.
  if (std::string_view("[{|>&*!").find(text.front()) != std::string_view::npos) return std::nullopt;
  for (const std::string_view comment : {" #", "\t#"}) text = text.substr(0, text.find(comment));
  const size_t last = text.find_last_not_of(" \t");
  return std::string(text.substr(0, last + 1));
}

std::optional<std::string> value(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos || text[first] == '#') return std::nullopt;
  text.remove_prefix(first);
  if (text.front() == '"') return double_quoted(text.substr(1));
  if (text.front() == '\'') return single_quoted(text.substr(1));
  return plain(text);
}

// The first line, without its end, which is taken away.
std::string_view take_line(std::string_view& text) {
  std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::optional<std::string> front_matter(std::string_view card, std::string_view key) {
  if (take_line(card) != "---") return std::nullopt;
  while (!card.empty()) {
    const std::string_view line = take_line(card);
    if (line.starts_with("---")) break;
    if (line.starts_with(key) && line.substr(key.size(), 1) == ":") {
      return value(line.substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

std::string quoted_yaml(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const base::Utf8Char c = base::decode_utf8(text, at);
    at += static_cast<size_t>(c.length);
    if (c.code == '"' || c.code == '\\') out += '\\';
    if (is_printable(c.code)) {
      base::append_utf8(out, c.code);
    } else {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c.code));
    }
  }
  return out + '"';
}

}  // namespace nalar::io
