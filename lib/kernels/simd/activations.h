#pragma once

#include <immintrin.h>

#include <cfloat>
#include <cstring>

#include "kernels/linear_kernels.h"
#include "kernels/simd/activation_tile.h"
#include "kernels/simd/unroll.h"

namespace nalar::kernels {
namespace {

// 32 elements of a token as they go into a tile.
struct Quantized32 {
  alignas(32) int32_t q[8];
  int32_t minus_sum16[2];
  float d;
};

// x quantized, by 256-bit code, which all above AVX2 have.
NALAR_INLINE void quantize_32(const float* x, Quantized32& out) {
  __m256 v[4];
  __m256i largest = _mm256_setzero_si256();
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_loadu_ps(x + 8 * i);
    // As integers: a NaN is the largest.
    largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(v[i]), magnitude));
  }
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
  out.d = _mm_cvtss_f32(_mm_castsi128_ps(m)) / 127.0f;
  const __m256 inverse = _mm256_set1_ps(out.d >= FLT_MIN ? 1.0f / out.d : 0.0f);
  __m256i q[4];
  for (int i = 0; i < 4; ++i) {
    q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
  }
  const __m256i low = _mm256_packs_epi32(q[0], q[1]), high = _mm256_packs_epi32(q[2], q[3]);
  __m256i bytes = _mm256_max_epi8(_mm256_packs_epi16(low, high), _mm256_set1_epi8(-127));
  bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_store_si256(reinterpret_cast<__m256i*>(out.q), bytes);
  // Sums of 4, then of 8 and 16: lanes 0 … 3 are the first half.
  const __m256i ones = _mm256_set1_epi8(1);
  __m256i sum = _mm256_madd_epi16(_mm256_maddubs_epi16(ones, bytes), _mm256_set1_epi16(1));
  sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0x4e));
  sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0xb1));
  out.minus_sum16[0] = -_mm256_cvtsi256_si32(sum);
  out.minus_sum16[1] = -_mm_cvtsi128_si32(_mm256_extracti128_si256(sum, 1));
}

// Token c of a tile of C.
inline void quantize_token(const float* x, int64_t columns, int32_t* out, int c, int C) {
  for (int64_t k = 0; k < columns; k += 32, out += kWordsOf32 * C) {
    Quantized32 a;
    quantize_32(x + k, a);
    int32_t* to = out + c;
    for (int j = 0; j < 8; ++j) {
      to[j * C] = a.q[j];
    }
    const int32_t minus_sum = a.minus_sum16[0] + a.minus_sum16[1];
    const float d_sum = a.d * static_cast<float>(-minus_sum);
    to[8 * C] = a.minus_sum16[0];
    to[9 * C] = a.minus_sum16[1];
    to[10 * C] = minus_sum;
    std::memcpy(&to[11 * C], &a.d, 4);
    std::memcpy(&to[12 * C], &d_sum, 4);
  }
}

inline void transpose_token(const float* x, int64_t columns, float* out, int c, int C) {
  for (int64_t k = 0; k < columns; ++k) {
    out[k * C + c] = x[k];
  }
}

// Words (of 4 bytes) of a token.
inline int64_t activation_words(Operand operand, int64_t columns) {
  return operand == Operand::int8 ? columns / 32 * kWordsOf32 : columns;
}

template <int kTile>
size_t activation_bytes(Operand operand, int64_t tokens, int64_t columns) {
  return static_cast<size_t>(tokens * activation_words(operand, columns) * 4);
}

template <int kTile>
void load_activations(Operand operand, const float* x, int64_t stride, int64_t begin, int64_t end,
                      int64_t tokens, int64_t columns, std::byte* out) {
  const int64_t words = activation_words(operand, columns);
  for (int64_t t = begin; t < end; ++t) {
    const int64_t first = t / kTile * kTile;
    const int C = static_cast<int>(tokens - first < kTile ? tokens - first : kTile);
    std::byte* tile = out + first * words * 4;
    const int c = static_cast<int>(t - first);
    if (operand == Operand::int8) {
      quantize_token(x + t * stride, columns, reinterpret_cast<int32_t*>(tile), c, C);
    } else {
      transpose_token(x + t * stride, columns, reinterpret_cast<float*>(tile), c, C);
    }
  }
}

}  // namespace
}  // namespace nalar::kernels
