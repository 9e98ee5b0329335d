#pragma once

#include <cfloat>

#include "quant/block_input.h"
#include "quant/encode_kernels.h"
#include "quant/search_impl.h"

// Scales and quants of a block over lanes V: first the best line for each group of elements that
// share a scale, then the block's own scale, then the group scales as the block can hold them,
// measured by what they decode to.
namespace nalar::quant {

// A type of one scale, of scale and minimum, or of 256 elements in groups with scales in
// kScaleLow … kScaleHigh and minima up to kMinHigh (0: none).
template <class L, int kGroupSize, int kLow, int kHigh, int kMin>
struct SuperType {
  using Levels = L;
  static constexpr int kGroup = kGroupSize, kGroups = 256 / kGroupSize;
  static constexpr int kScaleLow = kLow, kScaleHigh = kHigh, kMinHigh = kMin;
};

template <class V>
class Fit {
  using S = Search<V>;
  using Line = typename S::Line;
  using Input = BlockInput<V>;
  using PlainBlock = kernels::PlainBlock;
  using PlainSub = kernels::PlainSub;

 public:
  static void block(DType type, const float* x, const float* w, bool thorough, PlainBlock& out) {
    switch (type) {
      case DType::q8_0:
        return single<WholeLevels<-128, 127>>(x, w, thorough, out);
      case DType::q4_0:
        return single<WholeLevels<-8, 7>>(x, w, thorough, out);
      case DType::q5_0:
        return single<WholeLevels<-16, 15>>(x, w, thorough, out);
      case DType::iq4_nl:
        return single<TableLevels>(x, w, thorough, out);
      case DType::q4_1:
        return pair<WholeLevels<0, 15>>(x, w, thorough, out);
      case DType::q5_1:
        return pair<WholeLevels<0, 31>>(x, w, thorough, out);
      case DType::q2_k:
        return super<SuperType<WholeLevels<0, 3>, 16, 0, 15, 15>>(x, w, thorough, out);
      case DType::q3_k:
        return super<SuperType<WholeLevels<-4, 3>, 16, -32, 31, 0>>(x, w, thorough, out);
      case DType::q4_k:
        return super<SuperType<WholeLevels<0, 15>, 32, 0, 63, 63>>(x, w, thorough, out);
      case DType::q5_k:
        return super<SuperType<WholeLevels<0, 31>, 32, 0, 63, 63>>(x, w, thorough, out);
      case DType::q6_k:
        return super<SuperType<WholeLevels<-32, 31>, 16, -128, 127, 0>>(x, w, thorough, out);
      case DType::iq4_xs:
        return super<SuperType<TableLevels, 32, -32, 31, 0>>(x, w, thorough, out);
      default:
        return;
    }
  }

 private:
  static V lanes(const float (&of)[16]) { return V::load(of); }
  static float magnitude(float x) { return __builtin_fabsf(x); }

  // Both directions, the outermost element at and around the outermost quant.
  template <class Levels>
  static Line scale_line(const Group& g, bool thorough) {
    const auto [low_x, high_x] = Input::ends_of(g);
    const float largest = high_x > -low_x ? high_x : low_x;
    static constexpr float kEnds[16] = {-0.9f, -0.6f, -0.3f, 0,    0.3f, 0.6f, 1.0f, 1.5f,
                                        -0.9f, -0.6f, -0.3f, 0.0f, 0.3f, 0.6f, 1.0f, 1.5f};
    static constexpr float kFine[16] = {-.15f, -.13f, -.11f, -.09f, -.07f, -.05f, -.03f, -.01f,
                                        .01f,  .03f,  .05f,  .07f,  .09f,  .11f,  .13f,  .15f};
    Line best;
    if (!(magnitude(largest) > 1e-12f)) return {0, 0, 0};
    const V ends = lanes(kEnds) * V::set(Levels::step);
    const V bound = within(0, 8, V::set(Levels::low) - ends, V::set(Levels::high) + ends);
    S::template scale<Levels>(g, bound * V::set(1 / largest), best);
    if (!thorough || !(magnitude(best.s) > 1e-12f)) return best;
    const V around = V::set(1.0f) + lanes(kFine) * V::set(Levels::step / -Levels::low);
    S::template scale<Levels>(g, around * V::set(1 / best.s), best);
    return best;
  }

  static constexpr float kOut[16] = {-0.45f, 0, 0.5f, 1.1f, -0.45f, 0, 0.5f, 1.1f,
                                     -0.45f, 0, 0.5f, 1.1f, -0.45f, 0, 0.5f, 1.1f};
  static constexpr float kShift[16] = {-.45f, -.45f, -.45f, -.45f, -.15f, -.15f, -.15f, -.15f,
                                       .15f,  .15f,  .15f,  .15f,  .45f,  .45f,  .45f,  .45f};

  // q = (x − c) / s is stretched about the middle quant by `out` quants at the ends, and shifted.
  template <class Levels, int kMinHigh>
  static Line min_line(const Group& g, int passes) {
    auto [bottom, top] = Input::ends_of(g);
    if (kMinHigh > 0 && bottom > 0) bottom = 0;
    const auto [w, x] = Input::sums_of(g);
    if (!(top - bottom > 1e-12f)) {
      const float c = kMinHigh > 0 && x > 0 ? 0 : x / w;
      return {0, c, c * x};
    }
    constexpr float kMiddle = Levels::high / 2;
    Line best{(top - bottom) / Levels::high, bottom, -1};
    float spread = 1;
    for (int pass = 0; pass < passes; ++pass, spread *= 0.35f) {
      const V stretch = V::set(1.0f) + lanes(kOut) * V::set(spread / kMiddle);
      const V inverse = stretch * V::set(1 / best.s);
      const V offset = fma(stretch, V::set(-best.c / best.s - kMiddle),
                           fma(lanes(kShift), V::set(spread), V::set(kMiddle)));
      S::template line<Levels, kMinHigh>(g, w, x, inverse, offset, best);
      if (!(best.s > 1e-12f)) break;
    }
    return best;
  }

  // d q
  template <class Levels>
  static void single(const float* x, const float* w, bool thorough, PlainBlock& out) {
    clear(out, 1);
    Input in;
    if (!in.read(x, w, thorough, 32)) return;
    const Line line = scale_line<Levels>(in.group(0, 32), in.thorough);
    out.d = in.held(line.s) * in.unit;
    if (magnitude(out.d) < Input::kNormalHalf) {
      const V d = neighbours(in, line.s);
      const V errors = S::template errors<Levels>(in.group(0, 32), d, V::set(0.0f));
      out.d = Lanes16<V>(d)[S::first_largest(V::set(0.0f) - errors)] * in.unit;
    }
    quants<Levels>(x, out.d, 0, 32, out.sub[0].q);
  }

  // The f16 about d, seven down (to 0) and eight up.
  static V neighbours(const Input& in, float d) {
    uint16_t bits[16];
    (in.held(V::set(d)) * V::set(in.unit)).store(bits);
    const int sign = bits[0] & 0x8000, middle = bits[0] & 0x7fff;
    for (int i = 0; i < 16; ++i) {
      const int b = middle + i - 7;
      bits[i] = static_cast<uint16_t>(sign | (b < 0 ? 0 : b > 0x7bff ? 0x7bff : b));
    }
    return V::load(bits) * V::set(1 / in.unit);
  }

  // d q + m
  template <class Levels>
  static void pair(const float* x, const float* w, bool thorough, PlainBlock& out) {
    clear(out, 1);
    Input in;
    if (!in.read(x, w, thorough, 32)) return;
    const Line line = min_line<Levels, 0>(in.group(0, 32), in.thorough ? 3 : 1);
    const Lanes16<V> ds = neighbours(in, line.s), ms = neighbours(in, line.c);
    float d[16], m[16];
    for (int i = 0; i < 16; ++i) {
      d[i] = ds[6 + i / 4];
      m[i] = ms[6 + i % 4];
    }
    const int i = S::first_largest(
        V::set(0.0f) - S::template errors<Levels>(in.group(0, 32), V::load(d), V::load(m)));
    out.d = d[i] * in.unit;
    out.m = m[i] * in.unit;
    quants<Levels>(x, out.d, out.m, 32, out.sub[0].q);
  }

  // Scales of a block of 256 in its units.
  template <class T>
  struct Scales {
    float d = 0, m = 0;
    float s[T::kGroups], l[T::kGroups];
    float error = 0;
  };

  template <class T>
  static void super(const float* x, const float* w, bool thorough, PlainBlock& out) {
    clear(out, 8);
    Input in;
    if (!in.read(x, w, thorough, 256)) return;
    Line lines[T::kGroups];
    for (int g = 0; g < T::kGroups; ++g) {
      const Group group = in.group(g * T::kGroup, T::kGroup);
      if constexpr (T::kMinHigh > 0) {
        lines[g] = min_line<typename T::Levels, T::kMinHigh>(group, in.thorough ? 3 : 2);
      } else {
        lines[g] = scale_line<typename T::Levels>(group, in.thorough);
      }
    }
    Scales<T> best;
    first_scales(in, lines, best);
    choose(in, lines, best);
    for (int pass = 0; pass < (in.thorough ? 2 : 1); ++pass) {
      Scales<T> next = best;
      refit(in, next);
      choose(in, lines, next);
      if (!(next.error < best.error)) break;
      best = next;
    }
    out.d = best.d * in.unit;
    out.m = best.m * in.unit;
    for (int g = 0; g < T::kGroups; ++g) {
      constexpr int kParts = 32 / T::kGroup;
      PlainSub& sub = out.sub[g / kParts];
      for (int h = g % kParts; h < 2; h += kParts) {
        sub.s[h] = static_cast<int16_t>(best.s[g]);
        sub.l[h] = static_cast<int16_t>(best.l[g]);
      }
      quants<typename T::Levels>(x + g * T::kGroup, out.d * best.s[g], -(out.m * best.l[g]),
                                 T::kGroup, sub.q + g % kParts * T::kGroup);
    }
  }

  // Of candidates for the block's scale (and of its minima), the one nearest to all groups'
  // lines.
  template <class T>
  static void first_scales(const Input& in, const Line* lines, Scales<T>& scales) {
    static constexpr float kParts[16] = {1.01f, 1,    .99f,  .98f, .97f, .96f, .945f, .93f,
                                         .915f, .90f, .885f, .87f, .85f, .83f, .80f,  .77f};
    float top_s = 0, top_m = 0;
    float s[T::kGroups], m[T::kGroups], weight_s[T::kGroups], weight_m[T::kGroups];
    for (int g = 0; g < T::kGroups; ++g) {
      const Group group = in.group(g * T::kGroup, T::kGroup);
      V w = V::load(group.w), xx = V::load(group.wx) * V::load(group.x);
      for (int i = 16; i < T::kGroup; i += 16) {
        w = w + V::load(group.w + i);
        xx = fma(V::load(group.wx + i), V::load(group.x + i), xx);
      }
      s[g] = lines[g].s;
      m[g] = -lines[g].c;
      weight_m[g] = w.sum();
      weight_s[g] = xx.sum() / (s[g] * s[g] + 1e-12f);
      if (magnitude(s[g]) > magnitude(top_s)) top_s = s[g];
      if (m[g] > top_m) top_m = m[g];
    }
    const V parts = lanes(kParts);
    V bounds = parts * V::set(static_cast<float>(T::kScaleHigh));
    if constexpr (T::kScaleLow < 0) {
      static constexpr float kHalf[16] = {1, .985f, .97f, .95f, .93f, .90f, .87f, .84f,
                                          1, .985f, .97f, .95f, .93f, .90f, .87f, .84f};
      bounds = lanes(kHalf) * within(0, 8, V::set(T::kScaleLow), V::set(T::kScaleHigh));
    }
    scales.d =
        nearest_scale<T>(in.held(V::set(top_s) / bounds), s, weight_s,
                         static_cast<float>(T::kScaleLow), static_cast<float>(T::kScaleHigh));
    if constexpr (T::kMinHigh > 0) {
      const float high = static_cast<float>(T::kMinHigh);
      scales.m = top_m > 0 ? nearest_scale<T>(in.held(V::set(top_m) / (parts * V::set(high))), m,
                                              weight_m, 0, high)
                           : 0;
    }
  }
  template <class T>
  static float nearest_scale(V candidates, const float* values, const float* weights, float low,
                             float high) {
    const V inverses = S::inverse(candidates);
    V errors = V::set(0.0f);
    for (int g = 0; g < T::kGroups; ++g) {
      const V value = V::set(values[g]);
      const V e = value - candidates * S::rounded(value * inverses, low, high);
      errors = fma(V::set(weights[g]) * e, e, errors);
    }
    return Lanes16<V>(candidates)[S::first_largest(V::set(0.0f) - errors)];
  }

  // Each group's whole scale and minimum about its line, by the error of what they decode to.
  template <class T>
  static void choose(const Input& in, const Line* lines, Scales<T>& scales) {
    static constexpr float kSixteen[16] = {-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    static constexpr float kShifts[] = {0, -4, 4};  // of all four scales at once
    static constexpr float kSlow[16] = {-1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2};
    static constexpr float kFast[16] = {-1, 0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2};
    constexpr float low = T::kScaleLow, high = T::kScaleHigh, kMinHigh = T::kMinHigh;
    const V d = V::set(scales.d), half = V::set(0.5f);
    const float per_d = scales.d != 0 ? 1 / scales.d : 0, per_m = scales.m != 0 ? 1 / scales.m : 0;
    scales.error = 0;
    for (int g = 0; g < T::kGroups; ++g) {
      const Group group = in.group(g * T::kGroup, T::kGroup);
      const Line& line = lines[g];
      const V target = V::set(line.s * per_d);
      const auto measure = [&](V s, V l, float& least) {
        const V b = V::set(0.0f) - V::set(scales.m) * l;
        const V errors = S::template errors<typename T::Levels>(group, d * s, b);
        const int i = S::first_largest(V::set(0.0f) - errors);
        const float error = Lanes16<V>(errors)[i];
        const bool better = error < least;
        scales.s[g] = better ? Lanes16<V>(s)[i] : scales.s[g];
        scales.l[g] = better ? Lanes16<V>(l)[i] : scales.l[g];
        least = better ? error : least;
      };
      float least = FLT_MAX;
      if constexpr (T::kMinHigh > 0) {
        // With these quants the best c moves with s: c = mean x − s mean q.
        const auto sums = Input::sums_of(group);
        const float mean = sums.wx / sums.w;
        const V slope = V::set(line.s > 0 ? scales.d * (mean - line.c) / line.s : 0);
        const V floor = S::rounded(target - half, low, high) + lanes(kSlow);
        for (const float shift : kShifts) {
          const V s = S::rounded(floor + V::set(shift), low, high);
          const V c = V::set(mean) - s * slope;
          const V below = S::rounded(V::set(0.0f) - c * V::set(per_m) - half, 0, kMinHigh);
          measure(s, S::rounded(below + lanes(kFast), 0, kMinHigh), least);
          if (!in.thorough) break;
        }
      } else {
        measure(S::rounded(S::rounded(target, low, high) + lanes(kSixteen), low, high),
                V::set(0.0f), least);
      }
      scales.error += least;
    }
  }

  // d and m by least squares, with every s, l and quant as they are.
  template <class T>
  static void refit(const Input& in, Scales<T>& scales) {
    V pp = V::set(0.0f), px = pp, pl = pp, ll = pp, lx = pp;
    for (int g = 0; g < T::kGroups; ++g) {
      const V a = V::set(scales.d * scales.s[g]), b = V::set(-(scales.m * scales.l[g]));
      const V inverse = S::inverse(a), s = V::set(scales.s[g]), l = V::set(scales.l[g]);
      for (int i = g * T::kGroup; i < (g + 1) * T::kGroup; i += 16) {
        const V w = V::load(in.w + i), wx = V::load(in.wx + i);
        const V p = s * T::Levels::template nearest<V>((V::load(in.x + i) - b) * inverse);
        const V wp = w * p, wl = w * l;
        pp = fma(wp, p, pp);
        px = fma(wx, p, px);
        pl = fma(wp, l, pl);
        ll = fma(wl, l, ll);
        lx = fma(wx, l, lx);
      }
    }
    const double spp = pp.sum(), spx = px.sum(), spl = pl.sum(), sll = ll.sum(), slx = lx.sum();
    const double det = spp * sll - spl * spl;
    if (det > 1e-6 * spp * sll) {
      const double d = (spx * sll - spl * slx) / det, m = (spl * spx - spp * slx) / det;
      scales.d = in.held(static_cast<float>(d));
      scales.m = in.held(static_cast<float>(m));
    } else if (spp > 0) {
      scales.d = in.held(static_cast<float>((spx + scales.m * spl) / spp));
    }
  }

  static void clear(PlainBlock& out, int subs) {
    out.d = out.m = 0;
    out.subs = subs;
    for (int i = 0; i < subs; ++i) {
      for (int h = 0; h < 2; ++h) {
        out.sub[i].s[h] = subs == 1 ? 1 : 0;
        out.sub[i].l[h] = 0;
      }
      for (int k = 0; k < 32; ++k) out.sub[i].q[k] = 0;
    }
  }

  // The nearest of a q + b for each x.
  template <class Levels>
  static void quants(const float* x, float a, float b, int n, int16_t* q) {
    const V inverse = S::inverse(V::set(a)), offset = V::set(b);
    for (int i = 0; i < n; i += 16) {
      const Lanes16<V> nearest = Levels::template nearest<V>((V::load(x + i) - offset) * inverse);
      for (int k = 0; k < 16; ++k) q[i + k] = static_cast<int16_t>(nearest[k]);
    }
  }
};

}  // namespace nalar::quant
