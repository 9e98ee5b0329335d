#include "kernels/scalar/plain_block.h"

#include <bit>
#include <cstring>

#include "kernels/blocks.h"
#include "kernels/half.h"

namespace nalar::kernels {
namespace {

void unit_scales(PlainSub& sub) {
  sub.s[0] = sub.s[1] = 1;
  sub.l[0] = sub.l[1] = 0;
}

// Nibbles of 16 bytes: byte i holds element i and, above it, element i + 16.
int nibble(const uint8_t* q, int i) { return i < 16 ? q[i] & 15 : q[i - 16] >> 4; }

// The 6-bit scale and minimum of sub-block i of Q4_K and Q5_K.
void k_scales(const uint8_t* scales, int i, PlainSub& sub) {
  int s = 0;
  int l = 0;
  if (i < 4) {
    s = scales[i] & 63;
    l = scales[i + 4] & 63;
  } else {
    s = (scales[i + 4] & 15) | (scales[i - 4] >> 6) << 4;
    l = scales[i + 4] >> 4 | (scales[i] >> 6) << 4;
  }
  sub.s[0] = sub.s[1] = static_cast<int16_t>(s);
  sub.l[0] = sub.l[1] = static_cast<int16_t>(l);
}

// Elements of sub-block i of 256 in nibbles: 64 elements share 32 bytes.
int pair_nibble(const uint8_t* q, int i, int k) { return q[32 * (i / 2) + k] >> 4 * (i % 2) & 15; }
// In two bits: 128 elements share 32 bytes.
int quad_bits(const uint8_t* q, int i, int k) { return q[32 * (i / 4) + k] >> 2 * (i % 4) & 3; }
// In one bit: 256 elements share 32 bytes.
int oct_bit(const uint8_t* q, int i, int k) { return q[k] >> i & 1; }

void decode(const BlockQ8_0& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  for (int k = 0; k < 32; ++k) {
    out.sub[0].q[k] = b.q[k];
  }
}

void decode(const BlockQ4_0& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  for (int k = 0; k < 32; ++k) {
    out.sub[0].q[k] = static_cast<int16_t>(nibble(b.q, k) - 8);
  }
}

void decode(const BlockQ4_1& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  out.m = from_f16(b.m);
  for (int k = 0; k < 32; ++k) {
    out.sub[0].q[k] = static_cast<int16_t>(nibble(b.q, k));
  }
}

int five_bits(const uint8_t* q, const uint8_t* high, int k) {
  return nibble(q, k) | (high[k / 8] >> k % 8 & 1) << 4;
}

void decode(const BlockQ5_0& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  for (int k = 0; k < 32; ++k) {
    out.sub[0].q[k] = static_cast<int16_t>(five_bits(b.q, b.high, k) - 16);
  }
}

void decode(const BlockQ5_1& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  out.m = from_f16(b.m);
  for (int k = 0; k < 32; ++k) {
    out.sub[0].q[k] = static_cast<int16_t>(five_bits(b.q, b.high, k));
  }
}

void decode(const BlockIQ4NL& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  for (int k = 0; k < 32; ++k) {
    out.sub[0].q[k] = kIq4Values[nibble(b.q, k)];
  }
}

void decode(const BlockIQ4XS& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  for (int i = 0; i < 8; ++i) {
    const int low = b.scales_low[i / 2] >> 4 * (i % 2) & 15;
    const int high = b.scales_high >> 2 * i & 3;
    out.sub[i].s[0] = out.sub[i].s[1] = static_cast<int16_t>((low | high << 4) - 32);
    for (int k = 0; k < 32; ++k) {
      out.sub[i].q[k] = kIq4Values[nibble(b.q + 16 * i, k)];
    }
  }
}

void decode(const BlockQ2K& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  out.m = from_f16(b.dmin);
  for (int i = 0; i < 8; ++i) {
    for (int h = 0; h < 2; ++h) {
      out.sub[i].s[h] = b.scales[2 * i + h] & 15;
      out.sub[i].l[h] = b.scales[2 * i + h] >> 4;
    }
    for (int k = 0; k < 32; ++k) {
      out.sub[i].q[k] = static_cast<int16_t>(quad_bits(b.q, i, k));
    }
  }
}

void decode(const BlockQ3K& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  for (int i = 0; i < 8; ++i) {
    for (int h = 0; h < 2; ++h) {
      const int at = 2 * i + h;
      const int low = b.scales[at % 8] >> 4 * (at / 8) & 15;
      const int high = b.scales[8 + at % 4] >> 2 * (at / 4) & 3;
      out.sub[i].s[h] = static_cast<int16_t>((low | high << 4) - 32);
    }
    for (int k = 0; k < 32; ++k) {
      const int q = quad_bits(b.q, i, k) | oct_bit(b.high, i, k) << 2;
      out.sub[i].q[k] = static_cast<int16_t>(q - 4);
    }
  }
}

void decode(const BlockQ4K& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  out.m = from_f16(b.dmin);
  for (int i = 0; i < 8; ++i) {
    k_scales(b.scales, i, out.sub[i]);
    for (int k = 0; k < 32; ++k) {
      out.sub[i].q[k] = static_cast<int16_t>(pair_nibble(b.q, i, k));
    }
  }
}

void decode(const BlockQ5K& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  out.m = from_f16(b.dmin);
  for (int i = 0; i < 8; ++i) {
    k_scales(b.scales, i, out.sub[i]);
    for (int k = 0; k < 32; ++k) {
      const int q = pair_nibble(b.q, i, k) | oct_bit(b.high, i, k) << 4;
      out.sub[i].q[k] = static_cast<int16_t>(q);
    }
  }
}

void decode(const BlockQ6K& b, PlainBlock& out) {
  out.d = from_f16(b.d);
  for (int i = 0; i < 8; ++i) {
    out.sub[i].s[0] = b.scales[2 * i];
    out.sub[i].s[1] = b.scales[2 * i + 1];
    // Four sub-blocks share 64 bytes of low bits: 0 and 2 the first 32, 1 and 3 the rest.
    const uint8_t* low = b.low + 64 * (i / 4) + 32 * (i % 2);
    for (int k = 0; k < 32; ++k) {
      const int q = (low[k] >> 4 * (i / 2 % 2) & 15) | quad_bits(b.high, i, k) << 4;
      out.sub[i].q[k] = static_cast<int16_t>(q - 32);
    }
  }
}

template <typename Block>
void decode_as(const std::byte* bytes, PlainBlock& out) {
  Block block;
  std::memcpy(&block, bytes, sizeof block);
  out.subs = sizeof(Block) > 64 ? 8 : 1;
  out.m = 0;
  for (int i = 0; i < out.subs; ++i) {
    unit_scales(out.sub[i]);
  }
  decode(block, out);
}

}  // namespace

QuantForm quant_form(DType type) noexcept {
  switch (type) {
    case DType::q4_1:
    case DType::q5_1:
      return {Form::scale_min, false};
    case DType::q2_k:
      return {Form::sub_scale_min, true};
    case DType::q4_k:
    case DType::q5_k:
      return {Form::sub_scale_min, false};
    case DType::q3_k:
    case DType::q6_k:
      return {Form::sub_scale, true};
    case DType::iq4_xs:
      return {Form::sub_scale, false};
    default:
      return {Form::scale, false};
  }
}

void decode_block(DType type, const std::byte* block, PlainBlock& out) noexcept {
  switch (type) {
    case DType::q8_0:
      return decode_as<BlockQ8_0>(block, out);
    case DType::q4_0:
      return decode_as<BlockQ4_0>(block, out);
    case DType::q4_1:
      return decode_as<BlockQ4_1>(block, out);
    case DType::q5_0:
      return decode_as<BlockQ5_0>(block, out);
    case DType::q5_1:
      return decode_as<BlockQ5_1>(block, out);
    case DType::q2_k:
      return decode_as<BlockQ2K>(block, out);
    case DType::q3_k:
      return decode_as<BlockQ3K>(block, out);
    case DType::q4_k:
      return decode_as<BlockQ4K>(block, out);
    case DType::q5_k:
      return decode_as<BlockQ5K>(block, out);
    case DType::q6_k:
      return decode_as<BlockQ6K>(block, out);
    case DType::iq4_nl:
      return decode_as<BlockIQ4NL>(block, out);
    case DType::iq4_xs:
      return decode_as<BlockIQ4XS>(block, out);
    default:
      return;
  }
}

void dequantize(QuantForm form, const PlainBlock& block, float* out) noexcept {
  for (int i = 0; i < block.subs; ++i) {
    const PlainSub& sub = block.sub[i];
    for (int k = 0; k < 32; ++k, ++out) {
      const float q = sub.q[k];
      const float s = sub.s[k / 16];
      const float l = sub.l[k / 16];
      switch (form.form) {
        case Form::scale:
          *out = block.d * q;
          break;
        case Form::scale_min:
          *out = block.d * q + block.m;
          break;
        case Form::sub_scale:
          *out = block.d * s * q;
          break;
        case Form::sub_scale_min:
          *out = block.d * s * q - block.m * l;
          break;
      }
    }
  }
}

void dequantize_file_row(DType type, const std::byte* row, int64_t columns, float* out) noexcept {
  if (type == DType::f32) {
    std::memcpy(out, row, static_cast<size_t>(columns) * sizeof(float));
    return;
  }
  if (type == DType::f16 || type == DType::bf16) {
    for (int64_t k = 0; k < columns; ++k) {
      uint16_t bits = 0;
      std::memcpy(&bits, row + 2 * k, 2);
      out[k] = type == DType::f16 ? from_f16(bits)
                                  : std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
    }
    return;
  }
  const BlockSize size = block_size(type);
  const QuantForm form = quant_form(type);
  PlainBlock block;
  for (int64_t k = 0; k < columns; k += size.elements, row += size.bytes) {
    decode_block(type, row, block);
    dequantize(form, block, out + k);
  }
}

}  // namespace nalar::kernels
