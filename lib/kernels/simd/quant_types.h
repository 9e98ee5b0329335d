#pragma once

#include <immintrin.h>

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

// The scales of the i-th 32 or 16 elements of a block of 256, as bytes of 16 rows (of which V may
// want 8). `at`: the scales of a packed header, at V's first row.
template <DType type>
struct SubScales {
  NALAR_INLINE static __m128i load(const std::byte* at, int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
  }
  NALAR_INLINE static __m128i mask(__m128i x, int bits) {
    return _mm_and_si128(x, _mm_set1_epi8(static_cast<char>(bits)));
  }
  // Two bits of every byte, from `bit` on, as bits 4 and 5.
  NALAR_INLINE static __m128i two(__m128i x, int bit) {
    return mask(_mm_slli_epi16(_mm_srli_epi16(x, bit), 4), 0x30);
  }
  NALAR_INLINE static __m128i six(__m128i low, int low_bit, __m128i high, int high_bit) {
    return _mm_or_si128(mask(_mm_srli_epi16(low, low_bit), 15), two(high, high_bit));
  }

  NALAR_INLINE static __m128i s(const std::byte* at, int i) {
    if constexpr (type == DType::q2_k) {
      return mask(load(at, i), 15);
    } else if constexpr (type == DType::q3_k) {
      return _mm_sub_epi8(six(load(at, i % 8), i / 8 * 4, load(at, 8 + i % 4), i / 4 * 2),
                          _mm_set1_epi8(32));
    } else if constexpr (type == DType::q6_k) {
      return load(at, i);
    } else if constexpr (type == DType::iq4_xs) {
      return _mm_sub_epi8(six(load(at, 2 + i / 2), i % 2 * 4, load(at, i / 4), i % 4 * 2),
                          _mm_set1_epi8(32));
    } else {
      return six(load(at, i), 0, load(at, 8 + i % 4), i / 4 * 4);
    }
  }
  NALAR_INLINE static __m128i l(const std::byte* at, int i) {
    if constexpr (type == DType::q2_k) {
      return mask(_mm_srli_epi16(load(at, i), 4), 15);
    } else {
      return six(load(at, i), 4, load(at, 8 + i % 4), i / 4 * 4 + 2);
    }
  }
};

}  // namespace
}  // namespace nalar::kernels
