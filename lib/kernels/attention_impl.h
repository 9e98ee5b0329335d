#pragma once

#include "kernels/lane_math.h"
#include "kernels/vector_kernels.h"

// Attention over lanes V. Scores: lane = position, one fma a step over head_dim. Sum of values:
// lane = element of the head, one fma a step over positions. So the tile that rows are computed in
// does not show in the result: rows of a tile that do not see a key give it the weight 0.
namespace nalar::kernels {

// acc[r][c] += Σ a[r][k] * b[k][16c …], k = begin … end - 1 in order. As many bytes as it reads are
// fetched ahead for what comes next: pages lie apart, where the hardware does not look.
template <class V, typename T, int R, int C>
inline __attribute__((always_inline)) void multiply_tile(const float* const* a, const T* b,
                                                         int stride, int begin, int end,
                                                         const T* ahead, V (&acc)[R][C]) {
  constexpr int kLine = 64 / sizeof(T);
  for (int k = begin; k < end; ++k) {
    V columns[C];
    for (int c = 0; c < C; ++c) columns[c] = V::load(b + k * stride + 16 * c);
    for (int i = 0; i < 16 * C; i += kLine) __builtin_prefetch(ahead + k * 16 * C + i);
    for (int r = 0; r < R; ++r) {
      const V value = V::set(a[r][k]);
      for (int c = 0; c < C; ++c) acc[r][c] = fma(value, columns[c], acc[r][c]);
    }
  }
}

template <class V, typename T>
class Attention {
 public:
  explicit Attention(const AttentionCall& call)
      : call_(call),
        width_(padded_head_dim(call.head_dim)),
        factor_((call.softcap > 0 ? 1 : call.scale) * 1.44269504f) {}

  void run() const {
    int first = call_.positions[0] / kKvPage, last = first;
    for (int r = 0; r < call_.n_rows; ++r) {
      const int begin = first_key(call_.positions[r]) / kKvPage, end = call_.positions[r] / kKvPage;
      first = begin < first ? begin : first;
      last = end > last ? end : last;
      float* const row = state(r);
      for (int i = 0; i < width_ + 16; ++i) row[i] = 0;
      row[width_ + 16] = kLowest;
    }
    for (int page = first; page <= last; ++page) {
      for (int r = 0; r < call_.n_rows; r += V::kTileRows) {
        const int left = call_.n_rows - r;
        tile_of<V::kTileRows>(left < V::kTileRows ? left : V::kTileRows, page, r, last);
      }
    }
    for (int r = 0; r < call_.n_rows; ++r) finish(r);
  }

 private:
  static constexpr float kLowest = -1e30f;  // below every score, and finite times the factor

  struct Keys {
    int begin, end;  // slots of a page
  };

  int first_key(int position) const {
    const int first = position - call_.window + 1;
    return call_.window > 0 && first > 0 ? first : 0;
  }
  Keys keys(int row, int page) const {
    const int position = call_.positions[row];
    const int begin = first_key(position) - page * kKvPage, end = position + 1 - page * kKvPage;
    const Keys k{begin < 0 ? 0 : begin, end > kKvPage ? kKvPage : end};
    return k.begin < k.end ? k : Keys{0, 0};
  }
  // Of a row: values [width], sums of weights [16], the largest score times the factor.
  float* state(int row) const { return call_.scratch + row * (width_ + 32); }

  template <int R>
  void tile_of(int rows, int page, int row, int last) const {
    if constexpr (R > 1) {
      if (rows < R) return tile_of<R - 1>(rows, page, row, last);
    }
    tile<R>(page, row, last);
  }

  template <int R>
  void tile(int page, int row, int last) const {
    Keys seen[R], all{kKvPage, 0};
    for (int r = 0; r < R; ++r) {
      seen[r] = keys(row + r, page);
      if (seen[r].begin == seen[r].end) continue;
      all.begin = seen[r].begin < all.begin ? seen[r].begin : all.begin;
      all.end = seen[r].end > all.end ? seen[r].end : all.end;
    }
    if (all.end == 0) return;
    const std::byte* const block = call_.blocks[page];
    const T* const k_page = reinterpret_cast<const T*>(block + call_.k_offset);
    const T* const v_page = reinterpret_cast<const T*>(block + call_.v_offset);
    const T* const next =
        reinterpret_cast<const T*>(call_.blocks[page < last ? page + 1 : page] + call_.k_offset);
    alignas(64) float weights[R][kKvPage];
    float shrink[R];
    score<R, V::kTileVectors>(k_page, v_page, row, (all.end + 15) / 16, weights);
    for (int r = 0; r < R; ++r) {
      shrink[r] = softmax(state(row + r), seen[r], (all.end + 15) / 16, weights[r]);
    }
    const float* rows[R];
    for (int r = 0; r < R; ++r) rows[r] = weights[r];
    sum_values<R, V::kTileVectors>({v_page, next, rows, shrink, all}, row, 0);
  }

  // weights[r][j] = q of the row · k of slot j, for at least the first n vectors of slots.
  template <int R, int C>
  void score(const T* k_page, const T* v_page, int row, int n, float (*weights)[kKvPage]) const {
    if constexpr (C > 1) {
      if (n <= C / 2) return score<R, C / 2>(k_page, v_page, row, n, weights);
    }
    for (int at = 0; at < n; at += C) {
      V acc[R][C];
      for (auto& r : acc) {
        for (V& v : r) v = V::set(0.0f);
      }
      multiply_tile<V, T, R, C>(call_.q + row, k_page + 16 * at, kKvPage, 0, call_.head_dim,
                                v_page + at * 16 * call_.head_dim, acc);
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < C; ++c) acc[r][c].store(weights[r] + 16 * (at + c));
      }
    }
  }

  // Scores to weights relative to the largest so far; what earlier sums are to be multiplied by.
  float softmax(float* row, Keys seen, int n, float* weights) const {
    if (seen.begin == seen.end) {
      for (int c = 0; c < n; ++c) V::set(0.0f).store(weights + 16 * c);
      return 1;
    }
    const V factor = V::set(factor_);
    V scores[kKvPage / 16];
    V largest = V::set(kLowest);
    for (int c = 0; c < n; ++c) {
      V s = V::load(weights + 16 * c);
      if (call_.softcap > 0) s = capped(s);
      scores[c] = within(seen.begin - 16 * c, seen.end - 16 * c, s, V::set(-__builtin_inff()));
      largest = max(largest, scores[c]);
    }
    float& top = row[width_ + 16];
    const float old = top, candidate = largest.largest() * factor_;
    top = candidate > old ? candidate : old;
    const V minus_top = V::set(-top);
    V sum = V::set(0.0f);
    for (int c = 0; c < n; ++c) {
      const V w = exp2(fma(scores[c], factor, minus_top));
      w.store(weights + 16 * c);
      sum = sum + w;
    }
    if (top == old) {
      (V::load(row + width_) + sum).store(row + width_);
      return 1;
    }
    const V shrink = exp2(V::set(old - top));
    fma(V::load(row + width_), shrink, sum).store(row + width_);
    float lanes[16];
    shrink.store(lanes);
    return lanes[0];
  }

  V capped(V s) const {
    const V cap = V::set(call_.softcap);
    return cap * tanh(s * V::set(call_.scale) / cap);
  }

  struct Values {
    const T* page;
    const T* next;  // page of keys
    const float* const* weights;
    const float* shrink;
    Keys seen;
  };

  template <int R, int C>
  void sum_values(const Values& v, int row, int at) const {
    for (; at + 16 * C <= width_; at += 16 * C) {
      V acc[R][C];
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < C; ++c) {
          acc[r][c] = V::load(state(row + r) + at + 16 * c) * V::set(v.shrink[r]);
        }
      }
      multiply_tile<V, T, R, C>(v.weights, v.page + at, width_, v.seen.begin, v.seen.end,
                                v.next + at * kKvPage, acc);
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < C; ++c) acc[r][c].store(state(row + r) + at + 16 * c);
      }
    }
    if constexpr (C > 1) {
      if (at < width_) sum_values<R, C / 2>(v, row, at);
    }
  }

  void finish(int row) const {
    const float* const from = state(row);
    const V total = V::set(V::load(from + width_).sum());
    float* const out = call_.out[row];
    for (int i = 0; i < call_.head_dim; i += 16) {
      // + 0 makes -0, which sums of masked keys may or may not keep, one zero.
      const V value = V::load(from + i) / total + V::set(0.0f);
      if (i + 16 <= call_.head_dim) {
        value.store(out + i);
      } else {
        value.store_first(out + i, call_.head_dim - i);
      }
    }
  }

  const AttentionCall& call_;
  const int width_;
  const float factor_;  // scores times this are exponents of 2
};

template <class V>
size_t attention_scratch(int head_dim) {
  return static_cast<size_t>(padded_head_dim(head_dim)) + 32;
}

template <class V>
void attention(const AttentionCall& call) {
  if (call.n_rows == 0) return;
  if (call.type == KvType::half) {
    Attention<V, uint16_t>(call).run();
  } else {
    Attention<V, float>(call).run();
  }
}

}  // namespace nalar::kernels
