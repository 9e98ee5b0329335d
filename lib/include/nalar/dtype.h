#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nalar/export.h>

namespace nalar {

// Types of tensor elements, as files name them. Quantized types come in blocks of a row.
enum class DType : uint8_t {
  f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean, f8_e4m3, f8_e5m2,
  q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs,
};

// Elements in a block (1 for plain types) and bytes of a block.
struct BlockSize {
  int elements;
  int bytes;
};
NALAR_API BlockSize block_size(DType type) noexcept;
// "F32", "Q4_K", …: as GGUF and safetensors write them.
NALAR_API std::string_view name(DType type) noexcept;
NALAR_API bool is_quantized(DType type) noexcept;
// Types that the engine can compute with: F32, F16, BF16 and the quantized ones.
NALAR_API bool is_weight_type(DType type) noexcept;

}  // namespace nalar
