#include <cstdint>
#include <cstring>

#include "fuzz/fuzz.h"
#include "io/safetensors_reader.h"

namespace nalar::fuzz {

void one(std::string_view input) {
  const auto bytes = as_bytes(input);
  const io::SafetensorsFile file = io::parse_safetensors(bytes);
  size_t data = 0;
  for (const TensorView& t : file.tensors) {
    need(t.elements() * block_size(t.dtype).bytes == static_cast<int64_t>(t.bytes.size()),
         "a tensor has the bytes of its shape");
    need(!t.name.empty(), "a tensor has a name");
    data += t.bytes.size();
  }
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  need(sizeof header + header + data == bytes.size(), "no byte lies outside of a tensor");
}

}  // namespace nalar::fuzz
