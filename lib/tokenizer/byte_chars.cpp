#include "tokenizer/byte_chars.h"

#include "base/utf8.h"

namespace nalar::tokenizer {
namespace {

// Printable bytes of Latin-1 stand for themselves, the others for U+0100 and on, in order.
bool stands_for_itself(unsigned byte) {
  return (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
}

constexpr char32_t kCodes = 0x144;  // one more than the last stand-in

struct Tables {
  std::array<ByteChar, 256> chars;
  std::array<int, kCodes> bytes;

  Tables() : chars{}, bytes{} {
    bytes.fill(-1);
    char32_t free = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char32_t code = stands_for_itself(byte) ? byte : free++;
      std::string text;
      base::append_utf8(text, code);
      chars[byte].length = static_cast<unsigned>(text.size());
      text.copy(chars[byte].text, 2);
      bytes[code] = static_cast<int>(byte);
    }
  }
};

const Tables& tables() {
  static const Tables t;
  return t;
}

}  // namespace

const std::array<ByteChar, 256>& byte_chars() { return tables().chars; }

void append_byte_chars(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const ByteChar& b = tables().chars[static_cast<unsigned char>(c)];
    out.append(b.text, b.length);
  }
}

bool append_bytes_of_chars(std::string& out, std::string_view chars) {
  const size_t before = out.size();
  for (size_t at = 0; at < chars.size();) {
    const base::Utf8Char c = base::decode_utf8(chars, at);
    const int byte = c.valid && c.code < kCodes ? tables().bytes[c.code] : -1;
    if (byte < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(byte));
    at += static_cast<size_t>(c.length);
  }
  return true;
}

}  // namespace nalar::tokenizer
