#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/blocks.h"
#include "kernels/packed.h"
#include "kernels/simd/unroll.h"

// The quantized types as the kernels of simd/ see them: how packed planes become bytes, and headers
// scales.
namespace nalar::kernels {
namespace {

// Table of IQ4 for dot products that take any u8.
inline constexpr int8_t kIq4Plus128[16] = {1,    24,   45,   63,  79,  93,  106, 118,
                                           -127, -115, -103, -90, -75, -59, -39, -15};

template <DType type>
struct QuantType {
  static constexpr PackedShape kShape = packed_shape(type);
  static constexpr bool kIq4 = type == DType::iq4_nl || type == DType::iq4_xs;
  static constexpr bool kBlocksOf256 = kShape.subs == 8;
  static constexpr bool kMinima = type == DType::q4_1 || type == DType::q5_1 ||
                                  type == DType::q2_k || type == DType::q4_k || type == DType::q5_k;
  // Scales are per 16 elements, not per 32.
  static constexpr bool kHalves = type == DType::q2_k || type == DType::q3_k || type == DType::q6_k;
  // Quants are made as signed bytes (as u8 + 128 for vectors that take any u8); otherwise as
  // unsigned ones ≤ kLargest.
  static constexpr bool kSigned = type == DType::q8_0 || kIq4;
  static constexpr int kBits = kShape.bytes * 8 + kShape.four * 4 + kShape.two * 2 + kShape.one;
  static constexpr int kLargest = (1 << kBits) - 1;
  // What is taken from an unsigned quant, as a power of 2; -1: nothing.
  static constexpr int kOffsetBits = kMinima ? -1 : kSigned ? 7 : kBits - 1;
  static constexpr int kBlock = 32 * kShape.subs;

  // Bytes of elements 4 j … 4 j + 3 of V's rows of a sub-block (at its first row).
  template <class V, int j>
  NALAR_INLINE static typename V::I weight(const std::byte* sub) {
    if constexpr (type == DType::q8_0) {
      const typename V::I w = V::load(sub + 64 * j);
      if constexpr (V::kAnyU8) {
        return V::flip(w, V::bytes(0x80));
      } else {
        return w;
      }
    } else if constexpr (kIq4) {
      return V::look_up(V::kAnyU8 ? kIq4Plus128 : kIq4Values, four<V, j>(sub));
    } else if constexpr (kShape.four && kShape.one) {
      return V::any(four<V, j>(sub + 64), bit<V, j, 4>(sub));
    } else if constexpr (kShape.four && kShape.two) {
      return V::any(four<V, j>(sub + 128), pair<V, j, 4>(sub));
    } else if constexpr (kShape.four) {
      return four<V, j>(sub);
    } else if constexpr (kShape.one) {
      return V::any(pair<V, j, 0>(sub + 64), bit<V, j, 2>(sub));
    } else {
      return pair<V, j, 0>(sub);
    }
  }

 private:
  template <class V, int n>
  NALAR_INLINE static typename V::I shift(typename V::I x) {
    if constexpr (n > 0) {
      return V::template left16<n>(x);
    } else if constexpr (n < 0) {
      return V::template right16<-n>(x);
    } else {
      return x;
    }
  }
  template <class V, int j>
  NALAR_INLINE static typename V::I four(const std::byte* plane) {
    return V::both(shift<V, j / 4 * -4>(V::load(plane + 64 * (j % 4))), V::bytes(15));
  }
  template <class V, int j, int to>
  NALAR_INLINE static typename V::I pair(const std::byte* plane) {
    return V::both(shift<V, to - 2 * (j % 4)>(V::load(plane + 64 * (j / 4))), V::bytes(3 << to));
  }
  template <class V, int j, int to>
  NALAR_INLINE static typename V::I bit(const std::byte* plane) {
    return V::both(shift<V, to - j>(V::load(plane)), V::bytes(1 << to));
  }
};

// The scales of a block of 256, per 32 or per 16 elements, as bytes [·][16 rows].
struct SubScales {
  alignas(64) int8_t s[16][16];
  alignas(64) int8_t l[16][16];
};

// W: a vector of 64 bytes, that is of four rows of `bytes`.
template <class W>
struct ScaleDecoder {
  using I = typename W::I;
  NALAR_INLINE static I nibble(I x) { return W::both(x, W::bytes(15)); }
  NALAR_INLINE static I high_nibble(I x) { return nibble(W::template right16<4>(x)); }
  NALAR_INLINE static I two(I x) { return W::both(x, W::bytes(0x30)); }

  NALAR_INLINE static void q2_k(const std::byte* bytes, SubScales& out) {
    for (int i = 0; i < 4; ++i) {
      const I x = W::load(bytes + 64 * i);
      W::store(out.s[4 * i], nibble(x));
      W::store(out.l[4 * i], high_nibble(x));
    }
  }

  NALAR_INLINE static void q3_k(const std::byte* bytes, SubScales& out) {
    const I a = W::load(bytes), b = W::load(bytes + 64), high = W::load(bytes + 128);
    const I minus_32 = W::bytes(-32);
    W::store(out.s[0], W::add8(W::any(nibble(a), two(W::template left16<4>(high))), minus_32));
    W::store(out.s[4], W::add8(W::any(nibble(b), two(W::template left16<2>(high))), minus_32));
    W::store(out.s[8], W::add8(W::any(high_nibble(a), two(high)), minus_32));
    W::store(out.s[12],
             W::add8(W::any(high_nibble(b), two(W::template right16<2>(high))), minus_32));
  }

  NALAR_INLINE static void q4_k(const std::byte* bytes, SubScales& out) {
    const I a = W::load(bytes), b = W::load(bytes + 64), high = W::load(bytes + 128);
    W::store(out.s[0], W::any(nibble(a), two(W::template left16<4>(high))));
    W::store(out.l[0], W::any(high_nibble(a), two(W::template left16<2>(high))));
    W::store(out.s[4], W::any(nibble(b), two(high)));
    W::store(out.l[4], W::any(high_nibble(b), two(W::template right16<2>(high))));
  }

  NALAR_INLINE static void iq4_xs(const std::byte* bytes, SubScales& out) {
    const auto* b = reinterpret_cast<const uint8_t*>(bytes);
    for (int i = 0; i < 8; ++i) {
      for (int r = 0; r < 16; ++r) {
        const int low = b[16 * (2 + i / 2) + r] >> 4 * (i % 2) & 15;
        const int high = b[16 * (i / 4) + r] >> 2 * (i % 4) & 3;
        out.s[i][r] = static_cast<int8_t>((low | high << 4) - 32);
      }
    }
  }
};

}  // namespace
}  // namespace nalar::kernels
