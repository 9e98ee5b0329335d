#pragma once

#include <cstdint>

#include "quant/error_sums.h"

// What a row weighs and what its encoding lost, over lanes V.
namespace nalar::quant {

template <class V>
class Sums {
 public:
  // 0 x is 0, or NaN where x is not finite.
  static bool finite(const float* x, int64_t n) {
    const V zero = V::set(0.0f);
    V even = zero, odd = zero;
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
      even = fma(V::load(x + i), zero, even);
      odd = fma(V::load(x + i + 16), zero, odd);
    }
    for (; i < n; i += 16) even = fma(V::load_first(x + i, n - i), zero, even);
    return (even + odd).sum() == 0;
  }

  static ErrorSums errors(const float* x, const float* decoded, const float* importance,
                          int64_t n) {
    const float unit = unit_of(x, n), unit_w = importance != nullptr ? unit_of(importance, n) : 1;
    const V per_unit = V::set(1 / unit), per_unit_w = V::set(1 / unit_w), zero = V::set(0.0f);
    double sum_xx = 0, sum_ee = 0, sum_wxx = 0, sum_wee = 0;
    // fp32 within kRun, double across: the relative error stays about 1e-6.
    for (int64_t begin = 0; begin < n; begin += kRun) {
      V xx = zero, ee = zero, wxx = zero, wee = zero;
      each16(begin, begin + kRun < n ? begin + kRun : n, [&](auto&& load) {
        const V v = load(x) * per_unit, e = v - load(decoded) * per_unit;
        xx = fma(v, v, xx);
        ee = fma(e, e, ee);
        if (importance == nullptr) return;
        const V w = load(importance) * per_unit_w;
        wxx = fma(w * v, v, wxx);
        wee = fma(w * e, e, wee);
      });
      sum_xx += xx.sum();
      sum_ee += ee.sum();
      sum_wxx += wxx.sum();
      sum_wee += wee.sum();
    }
    const double squared = double{unit} * unit, weighted = squared * unit_w;
    return {squared * sum_xx, squared * sum_ee, weighted * sum_wxx, weighted * sum_wee};
  }

 private:
  static constexpr int64_t kRun = 512;

  // f(load) with load(p) = p's elements i … i + 15, zeros past the end.
  template <typename F>
  static void each16(int64_t begin, int64_t end, F&& f) {
    int64_t i = begin;
    for (; i + 16 <= end; i += 16) f([&](const float* p) { return V::load(p + i); });
    if (i < end) f([&](const float* p) { return V::load_first(p + i, end - i); });
  }

  // The power of two at or below the largest magnitude: no square overflows in units of it.
  static float unit_of(const float* v, int64_t n) {
    V largest = V::set(0x1p-100f);
    each16(0, n, [&](auto&& load) { largest = max(abs(load(v)), largest); });
    const float top = largest.largest();
    uint32_t bits;
    __builtin_memcpy(&bits, &top, sizeof bits);
    bits &= 0x7f800000;
    float unit;
    __builtin_memcpy(&unit, &bits, sizeof unit);
    return unit;
  }
};

}  // namespace nalar::quant
