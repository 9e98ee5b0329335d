#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>

namespace nalar::kernels {

// What an element of a quantized type is made of:
//   scale         d q                 scale_min      d q + m
//   sub_scale     d s q               sub_scale_min  d s q - m l
// with s and l per 32 elements, or per 16 where `halves`.
enum class Form { scale, scale_min, sub_scale, sub_scale_min };

struct QuantForm {
  Form form;
  bool halves;
};
QuantForm quant_form(DType type) noexcept;

// 32 elements as plain numbers; the offset of the type (-8, -16, …) is inside q.
struct PlainSub {
  int16_t q[32];
  int16_t s[2];  // of elements 0 … 15 and 16 … 31
  int16_t l[2];
};

struct PlainBlock {
  float d;
  float m;
  int subs;  // 1, or 8 in a block of 256
  PlainSub sub[8];
};

// `block` as files hold it (blocks.h), of a quantized type.
void decode_block(DType type, const std::byte* block, PlainBlock& out) noexcept;
// The block's elements in fp32, rounded as gguf's reference (gguf-py, quants.py) rounds.
void dequantize(QuantForm form, const PlainBlock& block, float* out) noexcept;
// A file row of any weight type in fp32.
void dequantize_file_row(DType type, const std::byte* row, int64_t columns, float* out) noexcept;

}  // namespace nalar::kernels
