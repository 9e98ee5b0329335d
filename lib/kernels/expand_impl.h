#pragma once

#include <nalar/dtype.h>

#include <cstring>

#include "kernels/scalar/plain_block.h"

// File rows to fp32 over lanes V: dequantize_file_row, faster.
namespace nalar::kernels {

template <class V>
struct Expand {
  // Elements [0, count) of a row that starts at a block; `out` has room for whole vectors and
  // blocks.
  static void row(DType type, const std::byte* row, int64_t count, float* out) {
    if (type == DType::f16) return halves(row, count, out);
    if (type == DType::bf16) return brain_floats(row, count, out);
    if (!is_quantized(type)) return dequantize_file_row(type, row, count, out);
    const BlockSize size = block_size(type);
    PlainBlock plain;
    for (int64_t k = 0; k < count; k += size.elements, row += size.bytes) {
      decode_block(type, row, plain);
      block(type, plain, out + k);
    }
  }

  static void block(DType type, const PlainBlock& plain, float* out) {
    const bool plain_min = quant_form(type).form == Form::scale_min;
    for (int i = 0; i < plain.subs; ++i) sub(plain, plain.sub[i], plain_min, out + 32 * i);
  }

 private:
  // (d s) q - m l, and d q + m of types without l. What a type lacks is 1, 0 or -0 there, which
  // changes no bit.
  static void sub(const PlainBlock& block, const PlainSub& s, bool plain_min, float* out) {
    for (int h = 0; h < 2; ++h) {
      const V scale = V::set(block.d * static_cast<float>(s.s[h]));
      const V add = V::set(plain_min ? block.m : -(block.m * static_cast<float>(s.l[h])));
      (scale * V::load(s.q + 16 * h) + add).store(out + 16 * h);
    }
  }

  // Compilers make vectors of it.
  static void brain_floats(const std::byte* row, int64_t count, float* out) {
    for (int64_t k = 0; k < count; ++k) {
      uint16_t bits = 0;
      std::memcpy(&bits, row + 2 * k, 2);
      const auto wide = static_cast<uint32_t>(bits) << 16;
      std::memcpy(out + k, &wide, 4);
    }
  }

  static void halves(const std::byte* row, int64_t count, float* out) {
    uint16_t bits[16] = {};
    int64_t k = 0;
    for (; k + 16 <= count; k += 16) {
      std::memcpy(bits, row + 2 * k, sizeof bits);
      V::load(bits).store(out + k);
    }
    if (k == count) return;
    std::memcpy(bits, row + 2 * k, 2 * static_cast<size_t>(count - k));
    V::load(bits).store(out + k);
  }
};

}  // namespace nalar::kernels
