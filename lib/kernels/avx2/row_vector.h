#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/simd/unroll.h"

// The vectors that the kernels of simd/ are written over, for AVX2: V8 is half of a group's rows,
// V2 both halves.
namespace nalar::kernels {
namespace {

// Adds to sum[c] the products of weights and activations (s8): of elements 4 j … 4 j + 3 for j of 0
// … n - 1. weight(j) gives the weights, q[j * stride + c] are 4 activations of column c.
template <class V, class T, int n, int stride, int C, class Weight>
NALAR_INLINE void narrow_dot(typename V::I (&sum)[C], const int32_t* q, Weight weight) {
  // As many products as surely fit into 16 bits before they are widened.
  constexpr int kFit = T::kSigned ? 1 : 32767 / (2 * 127 * T::kLargest);
  constexpr int kRun = kFit >= n ? n : kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
  each<n / kRun>([&](auto run) NALAR_INLINE_BODY {
    typename V::I narrow[C];
    each<kRun>([&](auto i) NALAR_INLINE_BODY {
      constexpr int j = run * kRun + i;
      const typename V::I w = weight(std::integral_constant<int, j>());
      NALAR_UNROLL
      for (int c = 0; c < C; ++c) {
        const typename V::I p = V::template products<T>(w, q[j * stride + c]);
        narrow[c] = i == 0 ? p : V::add16(narrow[c], p);
        V::keep(narrow[c]);
      }
    });
    NALAR_UNROLL
    for (int c = 0; c < C; ++c) {
      sum[c] = V::add_pairs(sum[c], narrow[c]);
      V::keep(sum[c]);
    }
  });
}

struct V8 {
  static constexpr int kRows = 8;
  // maddubs adds two products in 16 bits: unsigned weights stay below 128, signed ones lend their
  // sign.
  static constexpr bool kAnyU8 = false;
  // Bytes that packed weights are fetched ahead of their use; Zen 3 reads memory half as fast
  // without.
  static constexpr int kFetchAhead = 1440;
  using I = __m256i;
  using F = __m256;

  // Integers
  NALAR_INLINE static I load(const void* p) { return _mm256_loadu_si256(static_cast<const I*>(p)); }
  NALAR_INLINE static void store(void* p, I v) { _mm256_storeu_si256(static_cast<I*>(p), v); }
  NALAR_INLINE static I bytes(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
  NALAR_INLINE static I words(int32_t x) { return _mm256_set1_epi32(x); }
  NALAR_INLINE static I zero_i() { return _mm256_setzero_si256(); }
  NALAR_INLINE static I both(I a, I b) { return _mm256_and_si256(a, b); }
  NALAR_INLINE static I any(I a, I b) { return _mm256_or_si256(a, b); }
  NALAR_INLINE static I flip(I a, I b) { return _mm256_xor_si256(a, b); }
  NALAR_INLINE static I add8(I a, I b) { return _mm256_add_epi8(a, b); }
  NALAR_INLINE static I sub32(I a, I b) { return _mm256_sub_epi32(a, b); }
  template <int n>
  NALAR_INLINE static I left16(I a) {
    return _mm256_slli_epi16(a, n);
  }
  template <int n>
  NALAR_INLINE static I right16(I a) {
    return _mm256_srli_epi16(a, n);
  }
  template <int n>
  NALAR_INLINE static I left32(I a) {
    return _mm256_slli_epi32(a, n);
  }
  template <int n>
  NALAR_INLINE static I right32(I a) {
    return _mm256_srli_epi32(a, n);
  }
  template <int n>
  NALAR_INLINE static I arithmetic_right32(I a) {
    return _mm256_srai_epi32(a, n);
  }
  // 16 bytes of `table` by the low nibbles of a, whose high ones are zero.
  NALAR_INLINE static I look_up(const int8_t* table, I a) {
    const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), a);
  }

  // Floats
  NALAR_INLINE static F load_f(const void* p) {
    return _mm256_loadu_ps(static_cast<const float*>(p));
  }
  NALAR_INLINE static void store_f(float* p, F v) { _mm256_storeu_ps(p, v); }
  NALAR_INLINE static F zero() { return _mm256_setzero_ps(); }
  NALAR_INLINE static F all(float x) { return _mm256_set1_ps(x); }
  NALAR_INLINE static F from_halves(const void* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  }
  NALAR_INLINE static F from_bf16(const void* p) {
    const I wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  NALAR_INLINE static F from_i8(__m128i bytes) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  }
  NALAR_INLINE static F from_i32(I a) { return _mm256_cvtepi32_ps(a); }
  NALAR_INLINE static F add(F a, F b) { return _mm256_add_ps(a, b); }
  NALAR_INLINE static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  NALAR_INLINE static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  NALAR_INLINE static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  NALAR_INLINE static F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }
  NALAR_INLINE static void add_product(F& acc, F a, const float& b) { acc = fma(a, all(b), acc); }

  NALAR_INLINE static void keep(I& v) { asm volatile("" : "+x"(v)); }
  NALAR_INLINE static void keep(F& v) { asm volatile("" : "+x"(v)); }

  // The products of 4 weights and 4 activations, as two sums of 16 bits.
  template <class T>
  NALAR_INLINE static I products(I w, const int32_t& q) {
    const I all_q = _mm256_set1_epi32(q);
    if constexpr (T::kSigned) {
      return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(all_q, w));
    } else {
      return _mm256_maddubs_epi16(w, all_q);
    }
  }
  NALAR_INLINE static I add16(I a, I b) { return _mm256_add_epi16(a, b); }
  // sum + both halves of a lane.
  NALAR_INLINE static I add_pairs(I sum, I a) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, _mm256_set1_epi16(1)));
  }

  template <class T, int n, int stride, int C, class Weight>
  NALAR_INLINE static void dot(I (&sum)[C], const int32_t* q, Weight weight) {
    narrow_dot<V8, T, n, stride>(sum, q, weight);
  }
};

struct V2 {
  static constexpr int kRows = 16;
  static constexpr bool kAnyU8 = V8::kAnyU8;
  static constexpr int kFetchAhead = V8::kFetchAhead;
  struct I {
    __m256i a, b;
  };
  struct F {
    __m256 a, b;
  };
  NALAR_INLINE static const char* after(const void* p, int n) {
    return static_cast<const char*>(p) + n;
  }

  // Integers
  NALAR_INLINE static I load(const void* p) { return {V8::load(p), V8::load(after(p, 32))}; }
  NALAR_INLINE static void store(void* p, I v) {
    V8::store(p, v.a);
    V8::store(static_cast<char*>(p) + 32, v.b);
  }
  NALAR_INLINE static I bytes(int x) { return {V8::bytes(x), V8::bytes(x)}; }
  NALAR_INLINE static I words(int32_t x) { return {V8::words(x), V8::words(x)}; }
  NALAR_INLINE static I zero_i() { return {V8::zero_i(), V8::zero_i()}; }
  NALAR_INLINE static I both(I x, I y) { return {V8::both(x.a, y.a), V8::both(x.b, y.b)}; }
  NALAR_INLINE static I any(I x, I y) { return {V8::any(x.a, y.a), V8::any(x.b, y.b)}; }
  NALAR_INLINE static I flip(I x, I y) { return {V8::flip(x.a, y.a), V8::flip(x.b, y.b)}; }
  NALAR_INLINE static I add8(I x, I y) { return {V8::add8(x.a, y.a), V8::add8(x.b, y.b)}; }
  NALAR_INLINE static I sub32(I x, I y) { return {V8::sub32(x.a, y.a), V8::sub32(x.b, y.b)}; }
  template <int n>
  NALAR_INLINE static I left16(I x) {
    return {V8::left16<n>(x.a), V8::left16<n>(x.b)};
  }
  template <int n>
  NALAR_INLINE static I right16(I x) {
    return {V8::right16<n>(x.a), V8::right16<n>(x.b)};
  }
  template <int n>
  NALAR_INLINE static I left32(I x) {
    return {V8::left32<n>(x.a), V8::left32<n>(x.b)};
  }
  template <int n>
  NALAR_INLINE static I right32(I x) {
    return {V8::right32<n>(x.a), V8::right32<n>(x.b)};
  }
  template <int n>
  NALAR_INLINE static I arithmetic_right32(I x) {
    return {V8::arithmetic_right32<n>(x.a), V8::arithmetic_right32<n>(x.b)};
  }
  NALAR_INLINE static I look_up(const int8_t* table, I x) {
    return {V8::look_up(table, x.a), V8::look_up(table, x.b)};
  }

  // Floats
  NALAR_INLINE static F load_f(const void* p) { return {V8::load_f(p), V8::load_f(after(p, 32))}; }
  NALAR_INLINE static void store_f(float* p, F v) {
    V8::store_f(p, v.a);
    V8::store_f(p + 8, v.b);
  }
  NALAR_INLINE static F zero() { return {V8::zero(), V8::zero()}; }
  NALAR_INLINE static F all(float x) { return {V8::all(x), V8::all(x)}; }
  NALAR_INLINE static F from_halves(const void* p) {
    return {V8::from_halves(p), V8::from_halves(after(p, 16))};
  }
  NALAR_INLINE static F from_bf16(const void* p) {
    return {V8::from_bf16(p), V8::from_bf16(after(p, 16))};
  }
  NALAR_INLINE static F from_i8(__m128i bytes) {
    return {V8::from_i8(bytes), V8::from_i8(_mm_unpackhi_epi64(bytes, bytes))};
  }
  NALAR_INLINE static F from_i32(I x) { return {V8::from_i32(x.a), V8::from_i32(x.b)}; }
  NALAR_INLINE static F add(F x, F y) { return {V8::add(x.a, y.a), V8::add(x.b, y.b)}; }
  NALAR_INLINE static F sub(F x, F y) { return {V8::sub(x.a, y.a), V8::sub(x.b, y.b)}; }
  NALAR_INLINE static F mul(F x, F y) { return {V8::mul(x.a, y.a), V8::mul(x.b, y.b)}; }
  NALAR_INLINE static F fma(F x, F y, F z) {
    return {V8::fma(x.a, y.a, z.a), V8::fma(x.b, y.b, z.b)};
  }
  NALAR_INLINE static F fnma(F x, F y, F z) {
    return {V8::fnma(x.a, y.a, z.a), V8::fnma(x.b, y.b, z.b)};
  }
  NALAR_INLINE static void add_product(F& acc, F x, const float& b) {
    const __m256 all_b = V8::all(b);
    acc = {V8::fma(x.a, all_b, acc.a), V8::fma(x.b, all_b, acc.b)};
    keep(acc);
  }

  NALAR_INLINE static void keep(I& v) {
    V8::keep(v.a);
    V8::keep(v.b);
  }
  NALAR_INLINE static void keep(F& v) {
    V8::keep(v.a);
    V8::keep(v.b);
  }

  template <class T>
  NALAR_INLINE static I products(I w, const int32_t& q) {
    return {V8::products<T>(w.a, q), V8::products<T>(w.b, q)};
  }
  NALAR_INLINE static I add16(I x, I y) { return {V8::add16(x.a, y.a), V8::add16(x.b, y.b)}; }
  NALAR_INLINE static I add_pairs(I sum, I x) {
    return {V8::add_pairs(sum.a, x.a), V8::add_pairs(sum.b, x.b)};
  }

  template <class T, int n, int stride, int C, class Weight>
  NALAR_INLINE static void dot(I (&sum)[C], const int32_t* q, Weight weight) {
    narrow_dot<V2, T, n, stride>(sum, q, weight);
  }
};

}  // namespace
}  // namespace nalar::kernels
