#pragma once

#include "kernels/blocks.h"
#include "kernels/expand_impl.h"
#include "quant/fit_impl.h"
#include "quant/pack_block.h"

// The short search for the types of 32 elements with one scale: a lane of V is a block, and all
// blocks try the same few candidates.
namespace nalar::quant {

template <class V>
class FitMany {
  using S = Search<V>;
  static constexpr int kBlocks = 16;

 public:
  // False, and nothing is done, for any other type.
  static bool row(const RowCall& call) {
    switch (call.type) {
      case DType::q8_0:
        row<Q8_0>(call);
        return true;
      case DType::q4_0:
        row<Q4_0>(call);
        return true;
      case DType::q5_0:
        row<Q5_0>(call);
        return true;
      case DType::q4_1:
        row<Q4_1>(call);
        return true;
      case DType::q5_1:
        row<Q5_1>(call);
        return true;
      default:
        return false;
    }
  }

 private:
  template <class L, class B, bool kWithMin>
  struct Type {
    using Levels = L;
    using Block = B;
    static constexpr bool kMin = kWithMin;
  };
  using Q8_0 = Type<WholeLevels<-128, 127>, kernels::BlockQ8_0, false>;
  using Q4_0 = Type<WholeLevels<-8, 7>, kernels::BlockQ4_0, false>;
  using Q5_0 = Type<WholeLevels<-16, 15>, kernels::BlockQ5_0, false>;
  using Q4_1 = Type<WholeLevels<0, 15>, kernels::BlockQ4_1, true>;
  using Q5_1 = Type<WholeLevels<0, 31>, kernels::BlockQ5_1, true>;

  template <class T>
  static void row(const RowCall& call) {
    const int64_t count = call.columns / 32;
    for (int64_t first = 0; first < count; first += kBlocks) {
      const int n = static_cast<int>(count - first < kBlocks ? count - first : kBlocks);
      if (call.importance == nullptr) {
        Alike in;
        read(call.x + 32 * first, n, in);
        blocks<T>(call, first, n, in);
      } else {
        Weighted in;
        read(call.x + 32 * first, n, in);
        weigh(call.importance + 32 * first, n, in);
        blocks<T>(call, first, n, in);
      }
    }
  }

  template <class T, class In>
  static void blocks(const RowCall& call, int64_t first, int n, const In& in) {
    Line line;
    if constexpr (T::kMin) {
      line = best_line<typename T::Levels>(in);
    } else {
      line = best_scale<typename T::Levels>(in);
    }
    uint16_t ds[16], ms[16];
    const V d = held(line.s * in.unit, ds), m = held(line.c * in.unit, ms);
    const Lanes16<V> d_of(d), m_of(m), inverse(S::inverse(d));
    for (int b = 0; b < n; ++b) {
      const int64_t at = first + b;
      const float* const x = call.x + 32 * at;
      float* const decoded = call.decoded != nullptr ? call.decoded + 32 * at : nullptr;
      std::byte* const out = call.out + at * static_cast<int64_t>(sizeof(typename T::Block));
      if (__builtin_fabsf(d_of[b]) < 0x1p-14f) {
        one(call.type, x, call.importance != nullptr ? call.importance + 32 * at : nullptr, out,
            decoded);
        continue;
      }
      typename T::Block block;
      block.d = ds[b];
      if constexpr (T::kMin) block.m = ms[b];
      const V scale = V::set(d_of[b]), offset = V::set(T::kMin ? m_of[b] : -0.0f);
      const auto nearest = [&](const float* of) {
        return T::Levels::template nearest<V>((V::load(of) - offset) * V::set(inverse[b]));
      };
      const V low = nearest(x), high = nearest(x + 16);
      pack(low, high, block);
      __builtin_memcpy(out, &block, sizeof block);
      if (decoded == nullptr) continue;
      (scale * low + offset).store(decoded);
      (scale * high + offset).store(decoded + 16);
    }
  }

  // The f16 are far apart here: each is looked at.
  static void one(DType type, const float* x, const float* w, std::byte* out, float* decoded) {
    kernels::PlainBlock block;
    Fit<V>::block(type, x, w, false, block);
    pack_block(type, block, out);
    if (decoded != nullptr) kernels::Expand<V>::block(type, block, decoded);
  }

  // What a file holds of it.
  static V held(V x, uint16_t (&bits)[16]) {
    const V limit = V::set(65504.0f);
    min(max(x, V::set(0.0f) - limit), limit).store(bits);
    return V::load(bits);
  }

  // Quants 0 … 15 and 16 … 31 of a block.
  static void pack(V low, V high, kernels::BlockQ8_0& block) {
    auto* const q = reinterpret_cast<uint8_t*>(block.q);
    low.store(q);
    high.store(q + 16);
  }
  static void pack(V low, V high, kernels::BlockQ4_0& block) {
    const V offset = V::set(8.0f);
    nibbles(low + offset, high + offset, block.q);
  }
  static void pack(V low, V high, kernels::BlockQ4_1& block) { nibbles(low, high, block.q); }
  static void pack(V low, V high, kernels::BlockQ5_0& block) {
    const V offset = V::set(16.0f);
    five_bits(low + offset, high + offset, block);
  }
  static void pack(V low, V high, kernels::BlockQ5_1& block) { five_bits(low, high, block); }
  static void nibbles(V low, V high, uint8_t* q) { fma(V::set(16.0f), high, low).store(q); }
  template <class Block>
  static void five_bits(V low, V high, Block& block) {
    const V zero = V::set(0.0f), sixteen = V::set(16.0f), below = V::set(15.5f);
    const V fifth_low = if_less(below, low, sixteen, zero),
            fifth_high = if_less(below, high, sixteen, zero);
    nibbles(low - fifth_low, high - fifth_high, block.q);
    const auto bits =
        static_cast<uint32_t>(places(fifth_low)) | static_cast<uint32_t>(places(fifth_high)) << 16;
    __builtin_memcpy(block.high, &bits, sizeof bits);
  }
  // Bit i where lane i is 16: below 2^16, so the sum is exact.
  static float places(V sixteens) {
    static constexpr float kPlaces[16] = {0x1p-4f, 0x1p-3f, 0x1p-2f, 0x1p-1f, 0x1p0f, 0x1p1f,
                                          0x1p2f,  0x1p3f,  0x1p4f,  0x1p5f,  0x1p6f, 0x1p7f,
                                          0x1p8f,  0x1p9f,  0x1p10f, 0x1p11f};
    return (sixteens * V::load(kPlaces)).sum();
  }

  // Element i of every block, in units in which |x| < 2. Lanes without a block repeat the last.
  struct Input {
    alignas(64) float x[32][kBlocks];
    V unit;
    V low, high;
  };
  struct Alike : Input {
    static V weighed(int, V of_i) { return of_i; }  // by w of element i
    static V total() { return V::set(32.0f); }
  };
  struct Weighted : Input {
    alignas(64) float w[32][kBlocks];
    V sum;
    V weighed(int i, V of_i) const { return V::load(w[i]) * of_i; }
    V total() const { return sum; }
  };
  // x ≈ s q + c of each block.
  struct Line {
    V s, c;
  };

  static void read(const float* x, int n, Input& in) {
    V of[16];
    for (int first = 0; first < 32; first += 16) {
      load(x, n, first, of);
      if (first == 0) in.low = in.high = of[0];
      for (int i = 0; i < 16; ++i) {
        in.low = min(of[i], in.low);
        in.high = max(of[i], in.high);
        of[i].store(in.x[first + i]);
      }
    }
    Lanes16<V> tops = max(in.high, V::set(0.0f) - in.low);
    for (float& top : tops.of) {
      uint32_t bits;
      __builtin_memcpy(&bits, &top, sizeof bits);
      bits = top < 0x1p-25f ? 0x3f800000 : bits & 0x7f800000;
      __builtin_memcpy(&top, &bits, sizeof bits);
    }
    in.unit = V::load(tops.of);
    const V per_unit = V::set(1.0f) / in.unit;
    in.low = in.low * per_unit;
    in.high = in.high * per_unit;
    for (int i = 0; i < 32; ++i) (V::load(in.x[i]) * per_unit).store(in.x[i]);
  }

  // Elements `first` … of every block.
  static void load(const float* x, int n, int first, V (&of)[16]) {
    for (int b = 0; b < kBlocks; ++b) of[b] = V::load(x + 32 * (b < n ? b : n - 1) + first);
    V::transpose(of);
  }

  // As BlockInput: in units of a block's largest, and no element is free.
  static void weigh(const float* importance, int n, Weighted& in) {
    const V zero = V::set(0.0f), one = V::set(1.0f), least = V::set(1e-30f);
    V of[16];
    V top = zero;
    for (int first = 0; first < 32; first += 16) {
      load(importance, n, first, of);
      for (int i = 0; i < 16; ++i) {
        top = max(of[i], top);
        of[i].store(in.w[first + i]);
      }
    }
    const V per_top = one / max(top, least);
    V sum = zero;
    for (int i = 0; i < 32; ++i) {
      const V w = if_less(top, least, one, V::load(in.w[i]) * per_top);
      sum = sum + w;
      w.store(in.w[i]);
    }
    const V floor = sum * V::set(1e-3f / 32);
    in.sum = fma(V::set(32.0f), floor, sum);
    for (int i = 0; i < 32; ++i) (V::load(in.w[i]) + floor).store(in.w[i]);
  }

  struct Best {
    V gain = V::set(-1.0f), s = V::set(0.0f), c = V::set(0.0f);
    void keep(V new_gain, V new_s, V new_c) {
      s = if_less(gain, new_gain, new_s, s);
      c = if_less(gain, new_gain, new_c, c);
      gain = max(new_gain, gain);
    }
  };

  template <class Levels, bool kBelow, bool kAbove>
  static V bounded(V q) {
    if constexpr (kBelow) q = max(q, V::set(Levels::low));
    if constexpr (kAbove) q = min(q, V::set(Levels::high));
    return q;
  }

  // Where the outermost element lies, in quants; which of them are in need of a bound below or
  // above.
  template <class Levels>
  struct ScaleTries {
    static constexpr float kAt[] = {Levels::low + 0.3f,   Levels::low,         Levels::low - 0.35f,
                                    Levels::low - 0.9f,   Levels::high - 0.3f, Levels::high,
                                    Levels::high + 0.35f, Levels::high + 0.9f};
    static constexpr float reach(int k) { return kAt[k] < 0 ? -kAt[k] : kAt[k]; }
    static constexpr bool below(int k) { return reach(k) > 0.49f - Levels::low; }
    static constexpr bool above(int k) { return reach(k) > 0.49f + Levels::high; }
  };

  // Blocks of too small or too equal elements get no scale here, and so are done one by one.
  template <class Levels, class In>
  static Line best_scale(const In& in) {
    const V zero = V::set(0.0f), one = V::set(1.0f);
    const V largest = if_less(zero - in.low, in.high, in.high, in.low);
    const V per = if_less(V::set(0.5f), abs(largest), one / largest, zero);
    Best best;
    two_scales<Levels, 0>(in, per, best);
    two_scales<Levels, 4>(in, per, best);
    if constexpr (Levels::high < 100) {  // the others find next to nothing in quants as fine
      two_scales<Levels, 2>(in, per, best);
      two_scales<Levels, 6>(in, per, best);
    }
    return {best.s, best.c};
  }

  // Tries k and k + 1 together: their sums do not wait for each other.
  template <class Levels, int k, class In>
  static void two_scales(const In& in, V per, Best& best) {
    using Tries = ScaleTries<Levels>;
    const V zero = V::set(0.0f), magic = V::set(0x1.8p23f);
    const V inverse = V::set(Tries::kAt[k]) * per, inverse2 = V::set(Tries::kAt[k + 1]) * per;
    V xq = zero, qq = zero, xq2 = zero, qq2 = zero;
    for (int i = 0; i < 32; ++i) {
      const V v = V::load(in.x[i]);
      const V q = bounded<Levels, Tries::below(k), Tries::above(k)>(fma(v, inverse, magic) - magic);
      const V q2 = bounded<Levels, Tries::below(k + 1), Tries::above(k + 1)>(
          fma(v, inverse2, magic) - magic);
      const V wx = in.weighed(i, v);
      xq = fma(wx, q, xq);
      qq = fma(in.weighed(i, q), q, qq);
      xq2 = fma(wx, q2, xq2);
      qq2 = fma(in.weighed(i, q2), q2, qq2);
    }
    const auto keep = [&](V sum_xq, V sum_qq) {
      const V s = sum_xq / max(sum_qq, V::set(1e-30f));
      best.keep(s * sum_xq, s, zero);
    };
    keep(xq, qq);
    keep(xq2, qq2);
  }

  // How far the ends go beyond the outer quants, and both to one side.
  template <class Levels>
  struct LineTries {
    static constexpr float kOut[] = {0, -0.4f, -0.4f, 0.4f, 0.4f, 0.9f};
    static constexpr float kShift[] = {0, 0.2f, -0.2f, 0.25f, -0.25f, 0};
    static constexpr bool below(int k) { return kOut[k] - kShift[k] > 0.49f; }
    static constexpr bool above(int k) { return kOut[k] + kShift[k] > 0.49f; }
  };

  template <class Levels, class In>
  static Line best_line(const In& in) {
    const V zero = V::set(0.0f), range = in.high - in.low;
    const V per = if_less(V::set(0x1p-16f), range, V::set(Levels::high) / range, zero);
    V sum = zero;
    for (int i = 0; i < 32; ++i) sum = sum + in.weighed(i, V::load(in.x[i]));
    Best best;
    if constexpr (V::kManyRegisters) {  // two together: their sums do not wait for each other
      try_lines<Levels, 0, 1>(in, per, sum, best);
      try_lines<Levels, 2, 3>(in, per, sum, best);
      try_lines<Levels, 4, 5>(in, per, sum, best);
    } else {
      try_lines<Levels, 0>(in, per, sum, best);
      try_lines<Levels, 1>(in, per, sum, best);
      try_lines<Levels, 2>(in, per, sum, best);
      try_lines<Levels, 3>(in, per, sum, best);
      try_lines<Levels, 4>(in, per, sum, best);
      try_lines<Levels, 5>(in, per, sum, best);
    }
    return {best.s, best.c};
  }

  template <class Levels, int... k, class In>
  static void try_lines(const In& in, V per, V sum, Best& best) {
    using Tries = LineTries<Levels>;
    constexpr float kMiddle = Levels::high / 2;
    const V zero = V::set(0.0f), magic = V::set(0x1.8p23f), count = in.total();
    const V middle = fma(zero - in.low, per, V::set(-kMiddle));  // of low, to the middle quant
    const auto stretch = [](int t) { return V::set(1 + Tries::kOut[t] / kMiddle); };
    struct Try {
      V inverse, offset, q, xq, qq;
    } tries[] = {{stretch(k) * per, fma(stretch(k), middle, V::set(kMiddle + Tries::kShift[k])),
                  zero, zero, zero}...};
    for (int i = 0; i < 32; ++i) {
      const V v = V::load(in.x[i]);
      const V wx = in.weighed(i, v);
      const auto add = [&]<int t>(Try& of) {
        const V q = bounded<Levels, Tries::below(t), Tries::above(t)>(
            (fma(v, of.inverse, of.offset) + magic) - magic);
        const V wq = in.weighed(i, q);
        of.q = of.q + wq;
        of.xq = fma(wx, q, of.xq);
        of.qq = fma(wq, q, of.qq);
      };
      int place = 0;
      (add.template operator()<k>(tries[place++]), ...);
    }
    for (const Try& of : tries) {
      const V det = fma(count, of.qq, zero - of.q * of.q);
      // 0 but for rounding where all quants are equal.
      const V least = V::set(1e-5f) * count * of.qq;
      V s = fma(count, of.xq, zero - sum * of.q) / max(det, V::set(1e-30f));
      s = if_less(least, det, s, zero);
      const V c = (sum - s * of.q) / count;
      best.keep(fma(s, of.xq, c * sum), s, c);
    }
  }
};

}  // namespace nalar::quant
