#include <cstdint>

#include "fuzz/fuzz.h"
#include "io/content_kind.h"
#include "io/gguf_reader.h"

namespace nalar::fuzz {
namespace {

// Everything that a caller may ask of a value.
void use(const io::GgufValue& value) {
  value.integer();
  value.number();
  value.boolean();
  value.string();
  if (const auto integers = value.integers()) need(integers->size() == value.count, "all integers");
  if (const auto floats = value.floats()) need(floats->size() == value.count, "all floats");
  if (const auto strings = value.strings()) {
    size_t sum = 0;
    for (const std::string_view s : *strings) sum += sizeof(uint64_t) + s.size();
    need(sum == value.bytes.size(), "strings fill their array");
  }
}

}  // namespace

void one(std::string_view input) {
  io::content_kind(input);
  const auto bytes = as_bytes(input);
  const io::GgufFile file = io::parse_gguf(bytes);
  for (const auto& [key, value] : file.metadata.entries()) {
    need(file.metadata.find(key) != nullptr, "every key is found");
    use(value);
  }
  const std::byte* end = bytes.data();
  for (const TensorView& t : file.tensors) {
    const BlockSize block = block_size(t.dtype);
    need(t.elements() / block.elements * block.bytes == static_cast<int64_t>(t.bytes.size()),
         "a tensor has the bytes of its shape");
    if (t.bytes.empty()) continue;
    need(t.bytes.data() >= end, "tensors follow each other");
    end = t.bytes.data() + t.bytes.size();
    need(end <= bytes.data() + bytes.size(), "tensors lie in the file");
  }
}

}  // namespace nalar::fuzz
