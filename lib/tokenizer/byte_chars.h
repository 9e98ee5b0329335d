#pragma once

#include <array>
#include <string>
#include <string_view>

namespace nalar::tokenizer {

// GPT-2's printable stand-ins for bytes: a byte-level vocabulary spells " the" as "Ġthe".
struct ByteChar {
  char text[2];
  unsigned length;
};
const std::array<ByteChar, 256>& byte_chars();

void append_byte_chars(std::string& out, std::string_view bytes);
// The bytes that `chars` stand for; false when one of them stands for none.
bool append_bytes_of_chars(std::string& out, std::string_view chars);

}  // namespace nalar::tokenizer
