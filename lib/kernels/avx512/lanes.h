#pragma once

#include <immintrin.h>

#include <cstdint>

// 16 lanes of fp32 as one AVX-512 register; meanings as in scalar/lanes.h.
namespace nalar::kernels {
namespace {

struct Avx512Lanes {
  static constexpr int kTileRows = 6, kTileVectors = 4;
  static constexpr bool kManyRegisters = true;
  static constexpr int kProductRows = 14, kProductVectors = 2;
  __m512 v;

  static Avx512Lanes set(float x) { return {_mm512_set1_ps(x)}; }
  static Avx512Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Avx512Lanes load(const uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static Avx512Lanes load(const int16_t* p) {
    const __m256i integers = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(integers))};
  }
  static Avx512Lanes load_first(const float* p, int64_t n) {
    return {_mm512_maskz_loadu_ps(mask(0, n), p)};
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(uint16_t* p) const {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, kNearest));
  }
  void store(uint8_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  void store_first(float* p, int64_t n) const { _mm512_mask_storeu_ps(p, mask(0, n), v); }

  friend Avx512Lanes operator+(Avx512Lanes a, Avx512Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Avx512Lanes operator-(Avx512Lanes a, Avx512Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Avx512Lanes operator*(Avx512Lanes a, Avx512Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Avx512Lanes operator/(Avx512Lanes a, Avx512Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
  friend Avx512Lanes fma(Avx512Lanes a, Avx512Lanes b, Avx512Lanes c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  }
  friend Avx512Lanes max(Avx512Lanes a, Avx512Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
  friend Avx512Lanes min(Avx512Lanes a, Avx512Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
  friend Avx512Lanes if_less(Avx512Lanes a, Avx512Lanes b, Avx512Lanes x, Avx512Lanes y) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
  }
  friend Avx512Lanes within(int begin, int end, Avx512Lanes a, Avx512Lanes b) {
    return {_mm512_mask_blend_ps(mask(begin, end), b.v, a.v)};
  }
  friend Avx512Lanes abs(Avx512Lanes a) { return {_mm512_abs_ps(a.v)}; }
  friend Avx512Lanes copysign(Avx512Lanes magnitude, Avx512Lanes of) {
    const __m512 sign = _mm512_set1_ps(-0.0f);
    return {_mm512_or_ps(_mm512_andnot_ps(sign, magnitude.v), _mm512_and_ps(sign, of.v))};
  }
  friend Avx512Lanes scale_by_bits(Avx512Lanes a, Avx512Lanes n) {
    return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.v),
                                                 _mm512_slli_epi32(_mm512_castps_si512(n.v), 23)))};
  }
  static void transpose(Avx512Lanes (&v)[16]) {
    // Lane L of four[4 g + c] is column 4 L + c of rows 4 g … 4 g + 3.
    __m512d four[16];
    for (int i = 0; i < 16; i += 4) {
      const auto pair = [&](int k, bool high) {
        const __m512 a = v[i + k].v, b = v[i + k + 1].v;
        return _mm512_castps_pd(high ? _mm512_unpackhi_ps(a, b) : _mm512_unpacklo_ps(a, b));
      };
      four[i] = _mm512_unpacklo_pd(pair(0, false), pair(2, false));
      four[i + 1] = _mm512_unpackhi_pd(pair(0, false), pair(2, false));
      four[i + 2] = _mm512_unpacklo_pd(pair(0, true), pair(2, true));
      four[i + 3] = _mm512_unpackhi_pd(pair(0, true), pair(2, true));
    }
    constexpr int kEven = 0x88, kOdd = 0xdd;
    for (int c = 0; c < 4; ++c) {
      const __m512 rows[4] = {_mm512_castpd_ps(four[c]), _mm512_castpd_ps(four[4 + c]),
                              _mm512_castpd_ps(four[8 + c]), _mm512_castpd_ps(four[12 + c])};
      const __m512 even_top = _mm512_shuffle_f32x4(rows[0], rows[1], kEven),
                   even_low = _mm512_shuffle_f32x4(rows[2], rows[3], kEven),
                   odd_top = _mm512_shuffle_f32x4(rows[0], rows[1], kOdd),
                   odd_low = _mm512_shuffle_f32x4(rows[2], rows[3], kOdd);
      v[c].v = _mm512_shuffle_f32x4(even_top, even_low, kEven);
      v[4 + c].v = _mm512_shuffle_f32x4(odd_top, odd_low, kEven);
      v[8 + c].v = _mm512_shuffle_f32x4(even_top, even_low, kOdd);
      v[12 + c].v = _mm512_shuffle_f32x4(odd_top, odd_low, kOdd);
    }
  }
  float sum() const {
    const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
  }
  float largest() const {
    const __m256 m8 = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
    const __m128 m2 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    return _mm_cvtss_f32(_mm_max_ss(m2, _mm_movehdup_ps(m2)));
  }

 private:
  // Bits begin … end - 1.
  static __mmask16 mask(int64_t begin, int64_t end) {
    const auto below = [](int64_t n) { return n <= 0 ? 0u : n >= 16 ? 0xffffu : (1u << n) - 1; };
    return static_cast<__mmask16>(below(end) & ~below(begin));
  }
};

}  // namespace
}  // namespace nalar::kernels
