#include "quant/pack_block.h"

#include <array>
#include <cstring>

#include "kernels/blocks.h"
#include "kernels/half.h"

namespace nalar::quant {
namespace {

using namespace kernels;

constexpr uint8_t byte(int bits) { return static_cast<uint8_t>(bits); }

// q + offset, of 32 elements.
struct Codes {
  uint8_t of[32];
};
Codes codes(const PlainSub& sub, int offset) {
  Codes c;
  for (int k = 0; k < 32; ++k) c.of[k] = byte(sub.q[k] + offset);
  return c;
}

// The place of each of kIq4Values, from -128 on.
constexpr std::array<uint8_t, 256> kIq4Places = [] {
  std::array<uint8_t, 256> places{};
  for (int i = 0; i < 16; ++i) places[static_cast<size_t>(kIq4Values[i] + 128)] = byte(i);
  return places;
}();
Codes iq4_codes(const PlainSub& sub) {
  Codes c;
  for (int k = 0; k < 32; ++k) c.of[k] = kIq4Places[static_cast<size_t>(sub.q[k] + 128)];
  return c;
}

void nibbles(const Codes& c, uint8_t* q) {
  for (int k = 0; k < 16; ++k) q[k] = byte((c.of[k] & 15) | c.of[k + 16] << 4);
}
void fifth_bits(const Codes& c, uint8_t* high) {
  for (int i = 0; i < 4; ++i) {
    int bits = 0;
    for (int k = 0; k < 8; ++k) bits |= (c.of[8 * i + k] >> 4 & 1) << k;
    high[i] = byte(bits);
  }
}
// `shift` bits up, into 32 bytes that several sub-blocks share.
void put(const Codes& c, int mask, int shift, uint8_t* bytes) {
  for (int k = 0; k < 32; ++k) bytes[k] = byte(bytes[k] | (c.of[k] & mask) << shift);
}
void put_high(const Codes& c, int from, int mask, int shift, uint8_t* bytes) {
  for (int k = 0; k < 32; ++k) bytes[k] = byte(bytes[k] | (c.of[k] >> from & mask) << shift);
}

void pack(const PlainBlock& in, BlockQ8_0& b) {
  b.d = to_f16(in.d);
  for (int k = 0; k < 32; ++k) b.q[k] = static_cast<int8_t>(in.sub[0].q[k]);
}
void pack(const PlainBlock& in, BlockQ4_0& b) {
  b.d = to_f16(in.d);
  nibbles(codes(in.sub[0], 8), b.q);
}
void pack(const PlainBlock& in, BlockQ4_1& b) {
  b.d = to_f16(in.d);
  b.m = to_f16(in.m);
  nibbles(codes(in.sub[0], 0), b.q);
}
void pack(const PlainBlock& in, BlockQ5_0& b) {
  b.d = to_f16(in.d);
  const Codes c = codes(in.sub[0], 16);
  nibbles(c, b.q);
  fifth_bits(c, b.high);
}
void pack(const PlainBlock& in, BlockQ5_1& b) {
  b.d = to_f16(in.d);
  b.m = to_f16(in.m);
  const Codes c = codes(in.sub[0], 0);
  nibbles(c, b.q);
  fifth_bits(c, b.high);
}
void pack(const PlainBlock& in, BlockIQ4NL& b) {
  b.d = to_f16(in.d);
  nibbles(iq4_codes(in.sub[0]), b.q);
}
void pack(const PlainBlock& in, BlockIQ4XS& b) {
  b.d = to_f16(in.d);
  for (int i = 0; i < 8; ++i) {
    const int s = in.sub[i].s[0] + 32;
    b.scales_low[i / 2] = byte(b.scales_low[i / 2] | (s & 15) << 4 * (i % 2));
    b.scales_high = static_cast<uint16_t>(b.scales_high | (s >> 4) << 2 * i);
    nibbles(iq4_codes(in.sub[i]), b.q + 16 * i);
  }
}
void pack(const PlainBlock& in, BlockQ2K& b) {
  b.d = to_f16(in.d);
  b.dmin = to_f16(in.m);
  for (int i = 0; i < 8; ++i) {
    for (int h = 0; h < 2; ++h) b.scales[2 * i + h] = byte(in.sub[i].s[h] | in.sub[i].l[h] << 4);
    put(codes(in.sub[i], 0), 3, 2 * (i % 4), b.q + 32 * (i / 4));
  }
}
void pack(const PlainBlock& in, BlockQ3K& b) {
  b.d = to_f16(in.d);
  for (int i = 0; i < 8; ++i) {
    for (int h = 0; h < 2; ++h) {
      const int at = 2 * i + h, s = in.sub[i].s[h] + 32;
      b.scales[at % 8] = byte(b.scales[at % 8] | (s & 15) << 4 * (at / 8));
      b.scales[8 + at % 4] = byte(b.scales[8 + at % 4] | (s >> 4) << 2 * (at / 4));
    }
    const Codes c = codes(in.sub[i], 4);
    put(c, 3, 2 * (i % 4), b.q + 32 * (i / 4));
    put_high(c, 2, 1, i, b.high);
  }
}
// The 6-bit scales and minima of Q4_K and Q5_K.
void pack_scales(const PlainBlock& in, uint8_t* scales) {
  for (int i = 0; i < 4; ++i) {
    const int s = in.sub[i + 4].s[0], l = in.sub[i + 4].l[0];
    scales[i] = byte(in.sub[i].s[0] | (s >> 4) << 6);
    scales[i + 4] = byte(in.sub[i].l[0] | (l >> 4) << 6);
    scales[i + 8] = byte((s & 15) | (l & 15) << 4);
  }
}
void pack(const PlainBlock& in, BlockQ4K& b) {
  b.d = to_f16(in.d);
  b.dmin = to_f16(in.m);
  pack_scales(in, b.scales);
  for (int i = 0; i < 8; ++i) put(codes(in.sub[i], 0), 15, 4 * (i % 2), b.q + 32 * (i / 2));
}
void pack(const PlainBlock& in, BlockQ5K& b) {
  b.d = to_f16(in.d);
  b.dmin = to_f16(in.m);
  pack_scales(in, b.scales);
  for (int i = 0; i < 8; ++i) {
    const Codes c = codes(in.sub[i], 0);
    put(c, 15, 4 * (i % 2), b.q + 32 * (i / 2));
    put_high(c, 4, 1, i, b.high);
  }
}
void pack(const PlainBlock& in, BlockQ6K& b) {
  b.d = to_f16(in.d);
  for (int i = 0; i < 8; ++i) {
    for (int h = 0; h < 2; ++h) b.scales[2 * i + h] = static_cast<int8_t>(in.sub[i].s[h]);
    const Codes c = codes(in.sub[i], 32);
    put(c, 15, 4 * (i / 2 % 2), b.low + 64 * (i / 4) + 32 * (i % 2));
    put_high(c, 4, 3, 2 * (i % 4), b.high + 32 * (i / 4));
  }
}

template <typename Block>
void pack_as(const PlainBlock& in, std::byte* out) {
  Block block{};
  pack(in, block);
  std::memcpy(out, &block, sizeof block);
}

}  // namespace

void pack_block(DType type, const PlainBlock& block, std::byte* out) noexcept {
  switch (type) {
    case DType::q8_0:
      return pack_as<BlockQ8_0>(block, out);
    case DType::q4_0:
      return pack_as<BlockQ4_0>(block, out);
    case DType::q4_1:
      return pack_as<BlockQ4_1>(block, out);
    case DType::q5_0:
      return pack_as<BlockQ5_0>(block, out);
    case DType::q5_1:
      return pack_as<BlockQ5_1>(block, out);
    case DType::q2_k:
      return pack_as<BlockQ2K>(block, out);
    case DType::q3_k:
      return pack_as<BlockQ3K>(block, out);
    case DType::q4_k:
      return pack_as<BlockQ4K>(block, out);
    case DType::q5_k:
      return pack_as<BlockQ5K>(block, out);
    case DType::q6_k:
      return pack_as<BlockQ6K>(block, out);
    case DType::iq4_nl:
      return pack_as<BlockIQ4NL>(block, out);
    case DType::iq4_xs:
      return pack_as<BlockIQ4XS>(block, out);
    default:
      return;
  }
}

}  // namespace nalar::quant
