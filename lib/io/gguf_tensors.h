#pragma once

#include <nalar/dtype.h>
#include <nalar/tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/byte_reader.h"

namespace nalar::io {

// The format's number of a type (ggml_type); nullopt when it has none.
std::optional<uint32_t> gguf_number(DType type) noexcept;

// The second half of a GGUF file: `count` entries of the tensor table where `reader` stands, then,
// aligned, the data, in the order of the table and without gaps. Errors: bad_data naming the
// tensor.
std::vector<TensorView> read_gguf_tensors(base::ByteReader& reader, uint64_t count,
                                          uint64_t alignment, std::span<const std::byte> file);

}  // namespace nalar::io
