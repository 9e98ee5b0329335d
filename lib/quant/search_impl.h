#pragma once

#include <cstdint>

#include "kernels/blocks.h"

// The search for the scale of a group of elements: each of the 16 lanes of V (kernels' lanes.h) is
// a candidate, each step takes one element. A candidate is a way to assign quants to elements; what
// it explains of Σ w x² with the best scale for that assignment is its gain.
namespace nalar::quant {

// Quants that are the whole numbers kLow … kHigh.
template <int kLow, int kHigh>
struct WholeLevels {
  static constexpr float low = kLow, high = kHigh;
  static constexpr float step = 1;  // of the outer ones
  template <class V>
  static V nearest(V t) {
    const V magic = V::set(0x1.8p23f);  // adding it rounds to an integer
    return (min(max(t, V::set(low)), V::set(high)) + magic) - magic;
  }
};

// Those of IQ4_NL and IQ4_XS.
struct TableLevels {
  static constexpr float low = -127, high = 113;
  static constexpr float step = 22;
  template <class V>
  static V nearest(V t) {
    V q = V::set(low);
    for (int i = 1; i < 16; ++i) {
      const auto below = static_cast<float>(kernels::kIq4Values[i - 1]),
                 value = static_cast<float>(kernels::kIq4Values[i]);
      q = if_less(V::set((below + value) / 2), t, V::set(value), q);
    }
    return q;
  }
};

// Elements that share a scale.
struct Group {
  const float* x;   // |x| < 2
  const float* w;   // > 0, at most about 1
  const float* wx;  // w x
  int n;            // 16 or 32
};

template <class V>
struct Lanes16 {
  alignas(64) float of[16];
  Lanes16(V v) { v.store(of); }  // NOLINT: an implicit conversion
  float operator[](int i) const { return of[i]; }
};

template <class V>
struct Search {
  // What LS finds: x ≈ s q + c.
  struct Line {
    float s = 0, c = 0;
    float gain = -1;
  };

  static V rounded(V t, float low, float high) {
    const V magic = V::set(0x1.8p23f);
    return (min(max(t, V::set(low)), V::set(high)) + magic) - magic;
  }
  static V inverse(V a) {
    const V zero = V::set(0.0f);
    return if_less(zero, abs(a), V::set(1.0f) / a, zero);
  }
  // Without a branch, so that the next group's work can begin.
  static int first_largest(V v) {
    static constexpr float kMinusLane[16] = {-0.0f, -1, -2,  -3,  -4,  -5,  -6,  -7,
                                             -8,    -9, -10, -11, -12, -13, -14, -15};
    const V places = if_less(v, V::set(v.largest()), V::set(-15.0f), V::load(kMinusLane));
    return -static_cast<int>(places.largest());
  }

  // x ≈ s q, q = nearest(x inverse), of each lane's `inverse`: the best, if better than `best`.
  template <class Levels>
  static void scale(const Group& g, V inverses, Line& best) {
    const V zero = V::set(0.0f);
    V xq = zero, qq = zero, xq2 = zero, qq2 = zero;  // even and odd elements: shorter chains
    const auto add = [&](int i, V& sum_xq, V& sum_qq) {
      const V q = Levels::template nearest<V>(V::set(g.x[i]) * inverses);
      sum_xq = fma(V::set(g.wx[i]), q, sum_xq);
      sum_qq = fma(V::set(g.w[i]) * q, q, sum_qq);
    };
    for (int i = 0; i < g.n; i += 2) {
      add(i, xq, qq);
      add(i + 1, xq2, qq2);
    }
    xq = xq + xq2;
    qq = qq + qq2;
    const V s = xq / max(qq, V::set(1e-30f));
    keep(s, V::set(0.0f), s * xq, best);
  }

  // x ≈ s q + c, q = nearest(x inverse + offset). Where c is to become a whole number of -kMinHigh
  // … 0 times some unit (kMinHigh > 0), it is not above 0, and its rounding counts: the largest c
  // of a block sets the unit.
  template <class Levels, int kMinHigh>
  static void line(const Group& g, float sw, float swx, V inverses, V offsets, Line& best) {
    const V zero = V::set(0.0f);
    V wq = zero, xq = zero, qq = zero, wq2 = zero, xq2 = zero, qq2 = zero;
    const auto add = [&](int i, V& sum_wq, V& sum_xq, V& sum_qq) {
      const V q = Levels::template nearest<V>(fma(V::set(g.x[i]), inverses, offsets));
      const V weighted = V::set(g.w[i]) * q;
      sum_wq = sum_wq + weighted;
      sum_xq = fma(V::set(g.wx[i]), q, sum_xq);
      sum_qq = fma(weighted, q, sum_qq);
    };
    for (int i = 0; i < g.n; i += 2) {
      add(i, wq, xq, qq);
      add(i + 1, wq2, xq2, qq2);
    }
    wq = wq + wq2;
    xq = xq + xq2;
    qq = qq + qq2;
    const V w = V::set(sw), x = V::set(swx);
    const V qq_safe = max(qq, V::set(1e-30f));
    const V det = fma(w, qq, zero - wq * wq);
    const V flat = V::set(1e-6f) * w * qq_safe;  // all quants are equal
    const V safe = max(det, flat);
    V s = fma(w, xq, zero - x * wq) / safe;
    V c = fma(qq, x, zero - wq * xq) / safe;
    V gain = fma(s, xq, c * x);
    // Without c: where it has the wrong sign or there is no line.
    const V s0 = xq / qq_safe, gain0 = s0 * xq;
    V alone = if_less(det, flat, V::set(1.0f), zero);
    if constexpr (kMinHigh > 0) alone = if_less(zero, c, V::set(1.0f), alone);
    s = if_less(zero, alone, s0, s);
    gain = if_less(zero, alone, gain0, gain);
    c = if_less(zero, alone, zero, c);
    if constexpr (kMinHigh > 0) {
      gain = fma(V::set(-1.0f / (12 * kMinHigh * kMinHigh)) * w * c, c, gain);
    }
    keep(s, c, gain, best);
  }

  // Σ w (x − (a q + b))² of each lane's a and b.
  template <class Levels>
  static V errors(const Group& g, V a, V b) {
    const V zero = V::set(0.0f), inverses = inverse(a), minus_a = zero - a;
    V even = zero, odd = zero;
    const auto add = [&](int i, V& sum) {
      const V x = V::set(g.x[i]) - b;
      const V q = Levels::template nearest<V>(x * inverses);
      const V e = fma(minus_a, q, x);
      sum = fma(V::set(g.w[i]) * e, e, sum);
    };
    for (int i = 0; i < g.n; i += 2) {
      add(i, even);
      add(i + 1, odd);
    }
    return even + odd;
  }

 private:
  static void keep(V s, V c, V gain, Line& best) {
    const int i = first_largest(gain);
    const float top = Lanes16<V>(gain)[i];
    const bool better = top > best.gain;
    best.s = better ? Lanes16<V>(s)[i] : best.s;
    best.c = better ? Lanes16<V>(c)[i] : best.c;
    best.gain = better ? top : best.gain;
  }
};

}  // namespace nalar::quant
