#pragma once

#include <immintrin.h>

#include <cstdint>

// 16 lanes of fp32 as two AVX2 registers; meanings as in scalar/lanes.h.
namespace nalar::kernels {

struct Avx2Lanes {
  static constexpr int kTileRows = 6, kTileVectors = 1;
  static constexpr bool kManyRegisters = false;
  static constexpr int kProductRows = 6, kProductVectors = 1;
  __m256 low, high;

  static Avx2Lanes set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Avx2Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Avx2Lanes load(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static Avx2Lanes load(const int16_t* p) { return {from_integers(p), from_integers(p + 8)}; }
  static Avx2Lanes load_first(const float* p, int64_t n) {
    return {_mm256_maskload_ps(p, mask(0, n, 0)), _mm256_maskload_ps(p + 8, mask(0, n, 8))};
  }
  void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  void store(uint16_t* p) const {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(low, kNearest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(high, kNearest));
  }
  void store(uint8_t* p) const {
    const __m256i byte = _mm256_set1_epi32(255);
    const __m256i a = _mm256_and_si256(_mm256_cvtps_epi32(low), byte),
                  b = _mm256_and_si256(_mm256_cvtps_epi32(high), byte);
    // Lanes 0 … 3 8 … 11 | 4 … 7 12 … 15, each in 16 bits.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0b11011000);
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(p),
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }
  void store_first(float* p, int64_t n) const {
    _mm256_maskstore_ps(p, mask(0, n, 0), low);
    _mm256_maskstore_ps(p + 8, mask(0, n, 8), high);
  }

  friend Avx2Lanes operator+(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  friend Avx2Lanes operator-(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  friend Avx2Lanes operator*(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  friend Avx2Lanes operator/(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  friend Avx2Lanes fma(Avx2Lanes a, Avx2Lanes b, Avx2Lanes c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  friend Avx2Lanes max(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  friend Avx2Lanes min(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  friend Avx2Lanes if_less(Avx2Lanes a, Avx2Lanes b, Avx2Lanes x, Avx2Lanes y) {
    return {_mm256_blendv_ps(y.low, x.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
            _mm256_blendv_ps(y.high, x.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
  }
  friend Avx2Lanes within(int begin, int end, Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(mask(begin, end, 0))),
            _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(mask(begin, end, 8)))};
  }
  friend Avx2Lanes abs(Avx2Lanes a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
  }
  friend Avx2Lanes copysign(Avx2Lanes magnitude, Avx2Lanes of) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    const Avx2Lanes m = abs(magnitude);
    return {_mm256_or_ps(m.low, _mm256_and_ps(sign, of.low)),
            _mm256_or_ps(m.high, _mm256_and_ps(sign, of.high))};
  }
  friend Avx2Lanes scale_by_bits(Avx2Lanes a, Avx2Lanes n) {
    return {scaled(a.low, n.low), scaled(a.high, n.high)};
  }
  static void transpose(Avx2Lanes (&v)[16]) {
    // The four quarters; those off the diagonal change places.
    __m256 quarter[4][8];
    for (int i = 0; i < 8; ++i) {
      quarter[0][i] = v[i].low;
      quarter[1][i] = v[i + 8].low;
      quarter[2][i] = v[i].high;
      quarter[3][i] = v[i + 8].high;
    }
    for (auto& q : quarter) transpose(q);
    for (int i = 0; i < 8; ++i) {
      v[i] = {quarter[0][i], quarter[1][i]};
      v[i + 8] = {quarter[2][i], quarter[3][i]};
    }
  }
  float sum() const {
    const __m256 s8 = _mm256_add_ps(low, high);
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
  }
  float largest() const {
    const __m256 m8 = _mm256_max_ps(low, high);
    const __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
    const __m128 m2 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    return _mm_cvtss_f32(_mm_max_ss(m2, _mm_movehdup_ps(m2)));
  }

 private:
  // All ones in lanes first … first + 7 that lie in [begin, end).
  static __m256i mask(int64_t begin, int64_t end, int first) {
    const auto clamp = [](int64_t x) { return static_cast<int>(x < 0 ? 0 : x > 16 ? 16 : x); };
    const __m256i lane =
        _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(first));
    const __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32(clamp(begin)), lane);
    return _mm256_andnot_si256(before, _mm256_cmpgt_epi32(_mm256_set1_epi32(clamp(end)), lane));
  }
  static void transpose(__m256 (&v)[8]) {
    // Lane L of four[4 g + c] is column 4 L + c of rows 4 g … 4 g + 3.
    __m256d four[8];
    for (int i = 0; i < 8; i += 4) {
      const auto pair = [&](int k, bool high) {
        const __m256 a = v[i + k], b = v[i + k + 1];
        return _mm256_castps_pd(high ? _mm256_unpackhi_ps(a, b) : _mm256_unpacklo_ps(a, b));
      };
      four[i] = _mm256_unpacklo_pd(pair(0, false), pair(2, false));
      four[i + 1] = _mm256_unpackhi_pd(pair(0, false), pair(2, false));
      four[i + 2] = _mm256_unpacklo_pd(pair(0, true), pair(2, true));
      four[i + 3] = _mm256_unpackhi_pd(pair(0, true), pair(2, true));
    }
    for (int c = 0; c < 4; ++c) {
      const __m256 top = _mm256_castpd_ps(four[c]), low = _mm256_castpd_ps(four[4 + c]);
      v[c] = _mm256_permute2f128_ps(top, low, 0x20);
      v[4 + c] = _mm256_permute2f128_ps(top, low, 0x31);
    }
  }
  static __m256 from_integers(const int16_t* p) {
    const __m128i integers = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(integers));
  }
  static __m256 scaled(__m256 a, __m256 n) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(n), 23)));
  }
};

}  // namespace nalar::kernels
