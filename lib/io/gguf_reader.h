#pragma once

#include <nalar/tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/gguf_metadata.h"

namespace nalar::io {

// One GGUF file (versions 2 and 3, little-endian), parsed from its bytes. Everything borrows from
// them.
struct GgufFile {
  uint32_t version = 0;
  uint64_t alignment = 32;
  GgufMetadata metadata;
  std::vector<TensorView> tensors;  // shape outermost first: GGUF's dimensions reversed
};

// Errors: bad_data with byte offset, key or tensor.
GgufFile parse_gguf(std::span<const std::byte> bytes);

}  // namespace nalar::io
