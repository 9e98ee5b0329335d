#pragma once

#include "kernels/half.h"
#include "quant/search_impl.h"

namespace nalar::quant {

// A block in units in which |x| < 2 and w ≤ 1: no sum overflows, and every f16 is what the block
// can hold of a scale.
template <class V>
struct BlockInput {
  static constexpr float kLargestHalf = 65504, kLeastHalf = 0x1p-24f;
  static constexpr float kNormalHalf = 0x1p-14f;  // below it the f16 are far apart

  alignas(64) float x[256];
  alignas(64) float w[256];
  alignas(64) float wx[256];
  int n;
  float unit;  // a power of two
  bool thorough;

  Group group(int first, int count) const { return {x + first, w + first, wx + first, count}; }
  // What a file holds of scales, in this block's units.
  V held(V d) const {
    const V limit = V::set(kLargestHalf), least = V::set(kLeastHalf);
    const V real = min(max(d * V::set(unit), V::set(-kLargestHalf)), limit);
    uint16_t bits[16];
    copysign(max(abs(real), least), real).store(bits);
    return V::load(bits) * V::set(1 / unit);
  }
  float held(float d) const { return Lanes16<V>(held(V::set(d)))[0]; }

  // False where every element is nearer to 0 than to the least scale there is.
  bool read(const float* from, const float* importance, bool search_long, int count) {
    V largest = V::set(0.0f);
    for (int i = 0; i < count; i += 16) largest = max(abs(V::load(from + i)), largest);
    const float top = largest.largest();
    if (top < kLeastHalf / 2) return false;
    uint32_t bits;
    __builtin_memcpy(&bits, &top, sizeof bits);
    bits &= 0x7f800000;
    __builtin_memcpy(&unit, &bits, sizeof bits);
    n = count;
    thorough = search_long;
    weigh(importance);
    const V scale = V::set(1 / unit);
    for (int i = 0; i < n; i += 16) {
      const V xi = V::load(from + i) * scale;
      xi.store(x + i);
      (V::load(w + i) * xi).store(wx + i);
    }
    return true;
  }

  struct Ends {
    float low, high;
  };
  static Ends ends_of(const Group& g) {
    V high = V::load(g.x), low = high;
    for (int i = 16; i < g.n; i += 16) {
      high = max(V::load(g.x + i), high);
      low = min(V::load(g.x + i), low);
    }
    return {-(V::set(0.0f) - low).largest(), high.largest()};
  }
  struct Sums {
    float w, wx;
  };
  static Sums sums_of(const Group& g) {
    V w = V::load(g.w), wx = V::load(g.wx);
    for (int i = 16; i < g.n; i += 16) {
      w = w + V::load(g.w + i);
      wx = wx + V::load(g.wx + i);
    }
    return {w.sum(), wx.sum()};
  }

 private:
  // In units of the largest. No element is free: a column that calibration never saw may be seen
  // yet.
  void weigh(const float* importance) {
    float top = 0;
    if (importance != nullptr) {
      V largest = V::set(0.0f);
      for (int i = 0; i < n; i += 16) largest = max(V::load(importance + i), largest);
      top = largest.largest();
    }
    if (!(top >= 1e-30f)) {
      for (int i = 0; i < n; i += 16) V::set(1.0f).store(w + i);
      return;
    }
    const V scale = V::set(1 / top);
    V sum = V::set(0.0f);
    for (int i = 0; i < n; i += 16) {
      const V wi = V::load(importance + i) * scale;
      sum = sum + wi;
      wi.store(w + i);
    }
    const V floor = V::set(1e-3f * sum.sum() / static_cast<float>(n));
    for (int i = 0; i < n; i += 16) (V::load(w + i) + floor).store(w + i);
  }
};

}  // namespace nalar::quant
