#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/simd/unroll.h"

// The vector that the kernels of simd/ are written over: 16 rows in one 512-bit register.
namespace nalar::kernels {
namespace {

struct V16 {
  static constexpr int kRows = 16;
  // The weight operand of the dot product may take all of u8: signed weights are stored + 128.
  static constexpr bool kAnyU8 = true;
  // Bytes that packed weights are fetched ahead of their use: the hardware does it better (Zen 4,
  // Zen 5).
  static constexpr int kFetchAhead = 0;
  using I = __m512i;
  using F = __m512;

  // Integers
  NALAR_INLINE static I load(const void* p) { return _mm512_loadu_si512(p); }
  NALAR_INLINE static void store(void* p, I v) { _mm512_storeu_si512(p, v); }
  NALAR_INLINE static I bytes(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  NALAR_INLINE static I words(int32_t x) { return _mm512_set1_epi32(x); }
  NALAR_INLINE static I zero_i() { return _mm512_setzero_si512(); }
  NALAR_INLINE static I both(I a, I b) { return _mm512_and_si512(a, b); }
  NALAR_INLINE static I any(I a, I b) { return _mm512_or_si512(a, b); }
  NALAR_INLINE static I flip(I a, I b) { return _mm512_xor_si512(a, b); }
  NALAR_INLINE static I add8(I a, I b) { return _mm512_add_epi8(a, b); }
  NALAR_INLINE static I sub32(I a, I b) { return _mm512_sub_epi32(a, b); }
  template <int n>
  NALAR_INLINE static I left16(I a) {
    return _mm512_slli_epi16(a, n);
  }
  template <int n>
  NALAR_INLINE static I right16(I a) {
    return _mm512_srli_epi16(a, n);
  }
  template <int n>
  NALAR_INLINE static I left32(I a) {
    return _mm512_slli_epi32(a, n);
  }
  template <int n>
  NALAR_INLINE static I right32(I a) {
    return _mm512_srli_epi32(a, n);
  }
  template <int n>
  NALAR_INLINE static I arithmetic_right32(I a) {
    return _mm512_srai_epi32(a, n);
  }
  // 16 bytes of `table` by the low nibbles of a, whose high ones are zero.
  NALAR_INLINE static I look_up(const int8_t* table, I a) {
    const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), a);
  }

  // Floats
  NALAR_INLINE static F load_f(const void* p) { return _mm512_loadu_ps(p); }
  NALAR_INLINE static void store_f(float* p, F v) { _mm512_storeu_ps(p, v); }
  NALAR_INLINE static F zero() { return _mm512_setzero_ps(); }
  NALAR_INLINE static F all(float x) { return _mm512_set1_ps(x); }
  NALAR_INLINE static F from_halves(const void* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }
  NALAR_INLINE static F from_bf16(const void* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  NALAR_INLINE static F from_i8(__m128i bytes) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
  }
  NALAR_INLINE static F from_i32(I a) { return _mm512_cvtepi32_ps(a); }
  NALAR_INLINE static F add(F a, F b) { return _mm512_add_ps(a, b); }
  NALAR_INLINE static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  NALAR_INLINE static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  NALAR_INLINE static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  NALAR_INLINE static F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
  // acc + a * *b. As text, since g++ else loads b into a register first, and reorders until it
  // spills.
  NALAR_INLINE static void add_product(F& acc, F a, const float& b) {
    asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(a), "m"(b));
  }

  NALAR_INLINE static void keep(I& v) { asm volatile("" : "+v"(v)); }
  NALAR_INLINE static void keep(F& v) { asm volatile("" : "+v"(v)); }

  // acc + 4 products (u8 x s8) a lane, with the same 4 activations in all lanes.
  NALAR_INLINE static void add_products(I& acc, I w, const int32_t& q) {
    asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(w), "m"(q));
  }

  // Adds to sum[c] the products of weights (u8) and activations (s8): of elements 4 j … 4 j + 3 for
  // j of 0 … n - 1. weight(j) gives the weights, q[j * stride + c] are 4 activations of column c.
  template <class T, int n, int stride, int C, class Weight>
  NALAR_INLINE static void dot(I (&sum)[C], const int32_t* q, Weight weight) {
    each<n>([&](auto j) NALAR_INLINE_BODY {
      const I w = weight(j);
      NALAR_UNROLL
      for (int c = 0; c < C; ++c) {
        add_products(sum[c], w, q[j * stride + c]);
      }
    });
  }
};

}  // namespace
}  // namespace nalar::kernels
