#pragma once

#include <cfloat>

#include "kernels/attention_impl.h"
#include "kernels/lane_math.h"
#include "kernels/vector_kernels.h"

// The vector kernels over lanes V (scalar/lanes.h and its twins). A source of each instruction set
// makes its table of them; V in every name keeps the sets apart in the linker.
namespace nalar::kernels {

template <class V>
struct VectorImpl {
  // f(i, n) for i = 0, 16, …: n lanes of each are elements.
  template <typename F>
  static void blocks(int64_t size, F f) {
    int64_t i = 0;
    for (; i + 16 <= size; i += 16) f(i, int64_t{16});
    if (i < size) f(i, size - i);
  }
  static V load(const float* p, int64_t n) { return n == 16 ? V::load(p) : V::load_first(p, n); }
  static void store(V v, float* p, int64_t n) {
    if (n == 16) {
      v.store(p);
    } else {
      v.store_first(p, n);
    }
  }

  static void rms_norm(const float* x, const float* weight, float eps, int64_t size, float* out) {
    V squares = V::set(0.0f);
    blocks(size, [&](int64_t i, int64_t n) {
      const V v = load(x + i, n);
      squares = fma(v, v, squares);
    });
    const float mean = squares.sum() / static_cast<float>(size);
    const V factor = V::set(1.0f / __builtin_sqrtf(mean + eps));
    blocks(size, [&](int64_t i, int64_t n) {
      store((load(x + i, n) * factor) * load(weight + i, n), out + i, n);
    });
  }

  static void add(const float* x, int64_t size, float* y) {
    blocks(size, [&](int64_t i, int64_t n) { store(load(y + i, n) + load(x + i, n), y + i, n); });
  }
  static void scale(float s, int64_t size, float* x) {
    const V factor = V::set(s);
    blocks(size, [&](int64_t i, int64_t n) { store(load(x + i, n) * factor, x + i, n); });
  }
  static void softcap(float cap, int64_t size, float* x) {
    const V c = V::set(cap);
    blocks(size, [&](int64_t i, int64_t n) { store(c * tanh(load(x + i, n) / c), x + i, n); });
  }

  static V silu(V x) { return x / (V::set(1.0f) + exp(V::set(0.0f) - x)); }
  // x/2 (1 + tanh(u)) = x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x³)
  static V gelu_tanh(V x) {
    const V cubic = fma(x * x, V::set(-2 * 0.7978845608f * 0.044715f), V::set(-2 * 0.7978845608f));
    return x / (V::set(1.0f) + exp(x * cubic));
  }
  // x/2 erfc(-x / sqrt(2))
  static V gelu(V x) {
    const V tail = V::set(0.5f) * erfc(abs(x) * V::set(0.70710678f));
    return x * if_less(x, V::set(0.0f), tail, V::set(1.0f) - tail);
  }
  template <V (*act)(V)>
  static void act_mul(const float* gate, const float* up, int64_t size, float* out) {
    blocks(size, [&](int64_t i, int64_t n) {
      store(act(load(gate + i, n)) * load(up + i, n), out + i, n);
    });
  }

  static float highest(const float* x, int64_t size, int64_t* at) {
    float best = -__builtin_inff();
    int64_t first = 0;  // of the block that has it
    for (int64_t begin = 0; begin < size; begin += kExpBlock) {
      const int64_t n_block = size - begin < kExpBlock ? size - begin : kExpBlock;
      V largest = V::set(best);
      blocks(n_block, [&](int64_t i, int64_t n) {
        const V v = within(0, static_cast<int>(n), load(x + begin + i, n), largest);
        largest = max(v, largest);
      });
      const float of_block = largest.largest();
      if (of_block > best) {
        best = of_block;
        first = begin;
      }
    }
    *at = first;
    while (*at < size && !(x[*at] == best)) ++*at;
    if (*at == size) *at = 0;  // NaN alone
    return best;
  }

  static double sum_exp(const float* x, float top, int64_t size) {
    const V t = V::set(top), zero = V::set(0.0f);
    double total = 0;
    for (int64_t begin = 0; begin < size; begin += kExpBlock) {
      V sum = zero;
      blocks(size - begin < kExpBlock ? size - begin : kExpBlock, [&](int64_t i, int64_t n) {
        const V d = load(x + begin + i, n) - t;
        // exp takes a NaN for a number: d - d brings it back.
        const V term = if_less(d, V::set(-86.0f), zero, exp(d) + (d - d));
        sum = sum + within(0, static_cast<int>(n), term, zero);
      });
      total += sum.sum();
    }
    return total;
  }

  static void rope_half(float* x, int n_heads, int head_dim, int rope_dim, const float* cos,
                        const float* sin) {
    const int half = rope_dim / 2;
    for (int head = 0; head < n_heads; ++head, x += head_dim) {
      blocks(half, [&](int64_t i, int64_t n) {
        const V a = load(x + i, n), b = load(x + half + i, n);
        const V c = load(cos + i, n), s = load(sin + i, n);
        store(fma(a, c, V::set(0.0f) - b * s), x + i, n);
        store(fma(b, c, a * s), x + half + i, n);
      });
    }
  }
  static void rope_interleaved(float* x, int n_heads, int head_dim, int rope_dim, const float* cos,
                               const float* sin) {
    for (int head = 0; head < n_heads; ++head, x += head_dim) {
      for (int i = 0; i < rope_dim / 2; ++i) {
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = __builtin_fmaf(a, cos[i], 0.0f - b * sin[i]);
        x[2 * i + 1] = __builtin_fmaf(b, cos[i], a * sin[i]);
      }
    }
  }

  template <typename T>
  static void store_kv_as(const float* k, const float* v, int head_dim, int slot, float limit,
                          T* k_page, T* v_page) {
    const auto finite = [&](V x) { return min(max(x, V::set(-limit)), V::set(limit)); };
    v_page += slot * padded_head_dim(head_dim);
    blocks(head_dim, [&](int64_t i, int64_t n) {
      T column[16];
      finite(load(k + i, n)).store(column);
      for (int64_t j = 0; j < n; ++j) k_page[(i + j) * kKvPage + slot] = column[j];
      finite(load(v + i, n)).store(v_page + i);
    });
  }
  static void store_kv(KvType type, const float* k, const float* v, int head_dim, int slot,
                       std::byte* k_page, std::byte* v_page) {
    if (type == KvType::half) {
      store_kv_as(k, v, head_dim, slot, 65504.0f, reinterpret_cast<uint16_t*>(k_page),
                  reinterpret_cast<uint16_t*>(v_page));
    } else {
      store_kv_as(k, v, head_dim, slot, FLT_MAX, reinterpret_cast<float*>(k_page),
                  reinterpret_cast<float*>(v_page));
    }
  }

  static constexpr VectorKernels table() {
    VectorKernels k;
    k.rms_norm = rms_norm;
    k.add = add;
    k.scale = scale;
    k.softcap = softcap;
    k.silu_mul = act_mul<silu>;
    k.gelu_tanh_mul = act_mul<gelu_tanh>;
    k.gelu_mul = act_mul<gelu>;
    k.highest = highest;
    k.sum_exp = sum_exp;
    k.rope_half = rope_half;
    k.rope_interleaved = rope_interleaved;
    k.store_kv = store_kv;
    k.attention_scratch = attention_scratch<V>;
    k.attention = attention<V>;
    return k;
  }
};

}  // namespace nalar::kernels
