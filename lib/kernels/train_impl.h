#pragma once

#include "kernels/document_attention_impl.h"
#include "kernels/lane_math.h"
#include "kernels/product_impl.h"
#include "kernels/train_kernels.h"
#include "kernels/vector_impl.h"

// The kernels of training over lanes V, as vector_impl.h has those of inference.
namespace nalar::kernels {

template <class V>
struct TrainImpl : VectorImpl<V> {
  using VectorImpl<V>::blocks, VectorImpl<V>::load, VectorImpl<V>::store;

  // With f = 1 / rms(x):  dx = f (w dy - x f² mean(x w dy)),  dw = x f dy.
  static void rms_norm_backward(const float* dy, const float* x, const float* w, float eps,
                                int64_t size, float* dx, bool overwrite, float* dw) {
    V squares = V::set(0.0f), products = V::set(0.0f);
    blocks(size, [&](int64_t i, int64_t n) {
      const V v = load(x + i, n);
      squares = fma(v, v, squares);
      products = fma(v, load(w + i, n) * load(dy + i, n), products);
    });
    const float mean = squares.sum() / static_cast<float>(size);
    const float f = 1.0f / __builtin_sqrtf(mean + eps);
    const V factor = V::set(f);
    const V pull = V::set(-f * f * (products.sum() / static_cast<float>(size)));
    blocks(size, [&](int64_t i, int64_t n) {
      const V v = load(x + i, n), d = load(dy + i, n);
      const V change = factor * fma(v, pull, load(w + i, n) * d);
      if (dw != nullptr) store(fma(v * factor, d, load(dw + i, n)), dw + i, n);
      store(overwrite ? change : load(dx + i, n) + change, dx + i, n);
    });
  }

  struct Activation {
    V value, slope;
  };
  // x σ(u), where u has the slope du: the slope is σ + x σ (1 - σ) du.
  static Activation gated(V x, V minus_u, V du) {
    const V one = V::set(1.0f);
    const V sigma = one / (one + exp(minus_u));
    const V value = x * sigma;
    return {value, fma(value * (one - sigma), du, sigma)};
  }
  static Activation silu(V x) { return gated(x, V::set(0.0f) - x, V::set(1.0f)); }
  // u = 2 sqrt(2/pi) (x + 0.044715 x³)
  static Activation gelu_tanh(V x) {
    constexpr float kTwice = 2 * 0.7978845608f, kCube = kTwice * 0.044715f;
    const V square = x * x;
    const V minus = fma(square, V::set(-kCube), V::set(-kTwice));
    return gated(x, x * minus, fma(square, V::set(3 * kCube), V::set(kTwice)));
  }
  // x Φ(x); Φ's slope is the normal density.
  static Activation gelu(V x) {
    const V tail = V::set(0.5f) * erfc(abs(x) * V::set(0.70710678f));
    const V below = if_less(x, V::set(0.0f), tail, V::set(1.0f) - tail);
    const V density = V::set(0.39894228f) * exp(V::set(-0.5f) * x * x);
    return {x * below, fma(x, density, below)};
  }

  template <Activation (*act)(V)>
  static void act_mul_backward(const float* dh, const float* gate, const float* up, int64_t size,
                               float* d_gate, float* d_up) {
    blocks(size, [&](int64_t i, int64_t n) {
      const V d = load(dh + i, n), u = load(up + i, n);
      const Activation a = act(load(gate + i, n));
      store(d * u * a.slope, d_gate + i, n);
      store(d * a.value, d_up + i, n);
    });
  }

  // Three passes: the largest logit; the sum, in double from kSumBlock to kSumBlock; the gradient.
  // Capping is monotone, so the largest is found before it.
  static double cross_entropy(float* logits, int64_t size, int64_t label, float softcap,
                              float weight) {
    constexpr int64_t kSumBlock = 4096;
    V largest = V::set(-3.4028235e38f);
    V spoiled = V::set(0.0f);  // NaN once a logit is not finite, else 0
    blocks(size, [&](int64_t i, int64_t n) {
      const V x = load(logits + i, n);
      spoiled = spoiled + (x - x);
      largest = max(largest, within(0, static_cast<int>(n), x, largest));
    });
    const float bad = spoiled.sum();
    const V top = capped(V::set(largest.largest()), softcap).value;
    double total = bad;
    for (int64_t begin = 0; begin < size; begin += kSumBlock) {
      V sum = V::set(0.0f);
      blocks(size - begin < kSumBlock ? size - begin : kSumBlock, [&](int64_t i, int64_t n) {
        const V p = exp(capped(load(logits + begin + i, n), softcap).value - top);
        sum = sum + within(0, static_cast<int>(n), p, V::set(0.0f));
      });
      total += static_cast<double>(sum.sum());
    }
    const Activation target = capped(V::set(logits[label]), softcap);
    const double loss = __builtin_log(total) + first(top) - first(target.value);
    if (weight != 0) {
      const V share = V::set(static_cast<float>(weight / total));
      blocks(size, [&](int64_t i, int64_t n) {
        const Activation c = capped(load(logits + i, n), softcap);
        store(exp(c.value - top) * share * c.slope, logits + i, n);
      });
      logits[label] -= weight * first(target.slope);
    }
    return loss;
  }
  static Activation capped(V x, float cap) {
    if (cap <= 0) return {x, V::set(1.0f)};
    const V t = tanh(x / V::set(cap));
    return {V::set(cap) * t, fma(V::set(0.0f) - t, t, V::set(1.0f))};
  }
  static float first(V v) {
    float lanes[16];
    v.store(lanes);
    return lanes[0];
  }

  static constexpr TrainKernels table() {
    TrainKernels k;
    k.product_scratch = Product<V, Fp32Operands<V>>::scratch_bytes;
    k.product = product<V, Fp32Operands<V>>;
    k.bf16_product_scratch = Product<V, RoundedOperands<V>>::scratch_bytes;
    k.bf16_product = product<V, RoundedOperands<V>>;
    k.rms_norm_backward = rms_norm_backward;
    k.silu_mul_backward = act_mul_backward<silu>;
    k.gelu_tanh_mul_backward = act_mul_backward<gelu_tanh>;
    k.gelu_mul_backward = act_mul_backward<gelu>;
    k.attention_scratch = document_attention_scratch<V>;
    k.attention_forward = document_attention_forward<V>;
    k.attention_backward = document_attention_backward<V>;
    k.cross_entropy = cross_entropy;
    return k;
  }
};

}  // namespace nalar::kernels
