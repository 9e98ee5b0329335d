#pragma once

#include "quant/fit_impl.h"

// The short search for the types of 32 elements with one scale: a lane of V is a block, and all
// blocks try the same few candidates.
namespace nalar::quant {

template <class V>
class FitMany {
  using S = Search<V>;
  using PlainBlock = kernels::PlainBlock;
  static constexpr int kBlocks = EncodeKernels::kMany;

 public:
  static void blocks(DType type, const float* x, int n, PlainBlock* out) {
    switch (type) {
      case DType::q8_0:
        return scales<WholeLevels<-128, 127>>(type, x, n, out);
      case DType::q4_0:
        return scales<WholeLevels<-8, 7>>(type, x, n, out);
      case DType::q5_0:
        return scales<WholeLevels<-16, 15>>(type, x, n, out);
      case DType::q4_1:
        return lines<WholeLevels<0, 15>>(type, x, n, out);
      case DType::q5_1:
        return lines<WholeLevels<0, 31>>(type, x, n, out);
      default:
        return;
    }
  }

 private:
  // Element i of every block, in units in which |x| < 2. Lanes without a block repeat the last.
  struct Input {
    alignas(64) float x[32][kBlocks];
    V unit, per_unit;
    V low, high;
  };

  static void read(const float* x, int n, Input& in) {
    for (int b = 0; b < kBlocks; ++b) {
      const float* const from = x + 32 * (b < n ? b : n - 1);
      for (int i = 0; i < 32; ++i) in.x[i][b] = from[i];
    }
    in.low = in.high = V::load(in.x[0]);
    for (int i = 1; i < 32; ++i) {
      in.low = min(V::load(in.x[i]), in.low);
      in.high = max(V::load(in.x[i]), in.high);
    }
    Lanes16<V> tops = max(in.high, V::set(0.0f) - in.low);
    for (float& top : tops.of) {
      uint32_t bits;
      __builtin_memcpy(&bits, &top, sizeof bits);
      bits = top < 0x1p-25f ? 0x3f800000 : bits & 0x7f800000;
      __builtin_memcpy(&top, &bits, sizeof bits);
    }
    in.unit = V::load(tops.of);
    in.per_unit = V::set(1.0f) / in.unit;
    in.low = in.low * in.per_unit;
    in.high = in.high * in.per_unit;
    for (int i = 0; i < 32; ++i) (V::load(in.x[i]) * in.per_unit).store(in.x[i]);
  }

  // To f16 and back, in the block's units.
  static V held(const Input& in, V x) {
    const V limit = V::set(65504.0f);
    uint16_t bits[16];
    min(max(x * in.unit, V::set(0.0f) - limit), limit).store(bits);
    return V::load(bits) * in.per_unit;
  }

  template <class Levels>
  static void scales(DType type, const float* x, int n, PlainBlock* out) {
    // Where the outermost element lies, in quants beyond the outermost of them.
    static constexpr float kEnds[] = {-0.3f, 0, 0.35f, 0.9f};
    static constexpr float kBounds[] = {Levels::low, Levels::high};
    Input in;
    read(x, n, in);
    const V zero = V::set(0.0f);
    const V largest = if_less(zero - in.low, in.high, in.high, in.low), per = S::inverse(largest);
    V best = V::set(-1.0f), best_s = zero;
    for (const float bound : kBounds) {
      for (const float end : kEnds) {
        const V inverse = V::set(bound < 0 ? bound - end : bound + end) * per;
        V xq = zero, qq = zero;
        for (int i = 0; i < 32; ++i) {
          const V v = V::load(in.x[i]);
          const V q = Levels::template nearest<V>(v * inverse);
          xq = fma(v, q, xq);
          qq = fma(q, q, qq);
        }
        const V s = xq / max(qq, V::set(1e-30f)), gain = s * xq;
        best_s = if_less(best, gain, s, best_s);
        best = max(gain, best);
      }
    }
    write<Levels>(type, x, n, in, held(in, best_s), zero, out);
  }

  template <class Levels>
  static void lines(DType type, const float* x, int n, PlainBlock* out) {
    // How far the ends go beyond the outer quants, and both to one side.
    static constexpr struct {
      float out, shift;
    } kTries[] = {{0, 0}, {-0.4f, 0.2f}, {-0.4f, -0.2f}, {0.4f, 0.25f}, {0.4f, -0.25f}, {0.9f, 0}};
    constexpr float kMiddle = Levels::high / 2;
    Input in;
    read(x, n, in);
    const V zero = V::set(0.0f), count = V::set(32.0f);
    const V per = S::inverse((in.high - in.low) * V::set(1 / Levels::high));
    V sum = zero;
    for (int i = 0; i < 32; ++i) sum = sum + V::load(in.x[i]);
    V best = V::set(-1.0f), best_s = zero, best_c = zero;
    for (const auto& [beyond, shift] : kTries) {
      const V stretch = V::set(1 + beyond / kMiddle), inverse = stretch * per;
      const V offset =
          fma(stretch, fma(zero - in.low, per, V::set(-kMiddle)), V::set(kMiddle + shift));
      V sq = zero, xq = zero, qq = zero;
      for (int i = 0; i < 32; ++i) {
        const V v = V::load(in.x[i]);
        const V q = Levels::template nearest<V>(fma(v, inverse, offset));
        sq = sq + q;
        xq = fma(v, q, xq);
        qq = fma(q, q, qq);
      }
      const V det = fma(count, qq, zero - sq * sq);
      const V safe = max(det, V::set(1e-3f));  // a whole number; 0 where all quants are equal
      V s = fma(count, xq, zero - sum * sq) / safe;
      s = if_less(det, V::set(0.5f), zero, s);
      const V c = (sum - s * sq) * V::set(1.0f / 32);
      const V gain = fma(s, xq, c * sum);
      best_s = if_less(best, gain, s, best_s);
      best_c = if_less(best, gain, c, best_c);
      best = max(gain, best);
    }
    write<Levels>(type, x, n, in, held(in, best_s), held(in, best_c), out);
  }

  template <class Levels>
  static void write(DType type, const float* x, int n, const Input& in, V d, V m, PlainBlock* out) {
    const V inverse = S::inverse(d);
    alignas(64) float q[32][kBlocks];
    for (int i = 0; i < 32; ++i) {
      Levels::template nearest<V>((V::load(in.x[i]) - m) * inverse).store(q[i]);
    }
    const Lanes16<V> ds(d * in.unit), ms(m * in.unit);
    for (int b = 0; b < n; ++b) {
      PlainBlock& block = out[b];
      block.d = ds[b];
      block.m = ms[b];
      // The f16 are far apart here: each is looked at.
      if (__builtin_fabsf(block.d) < 0x1p-14f) {
        Fit<V>::block(type, x + 32 * b, nullptr, block);
        continue;
      }
      block.subs = 1;
      for (int h = 0; h < 2; ++h) {
        block.sub[0].s[h] = 1;
        block.sub[0].l[h] = 0;
      }
      for (int i = 0; i < 32; ++i) block.sub[0].q[i] = static_cast<int16_t>(q[i][b]);
    }
  }
};

}  // namespace nalar::quant
