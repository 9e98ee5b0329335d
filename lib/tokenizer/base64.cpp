#include "tokenizer/base64.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <cstdint>

namespace nalar::tokenizer {
namespace {

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

std::string decode_base64(std::string_view text) {
  size_t end = text.size();
  while (end > 0 && text.size() - end < 2 && text[end - 1] == '=') --end;
  std::string out;
  out.reserve(end / 4 * 3 + 2);
  uint32_t bits = 0;
  int n_bits = 0;
  for (size_t i = 0; i < end; ++i) {
    const int v = value_of(text[i]);
    if (v < 0) throw Error(ErrorKind::bad_data, fmt::format("bad base64 (at byte {})", i));
    bits = bits << 6 | static_cast<uint32_t>(v);
    n_bits += 6;
    if (n_bits >= 8) {
      n_bits -= 8;
      out.push_back(static_cast<char>(bits >> n_bits & 0xFF));
    }
  }
  if (end % 4 == 1)
    throw Error(ErrorKind::bad_data, fmt::format("bad base64 (at byte {}): truncated", end));
  return out;
}

}  // namespace nalar::tokenizer
