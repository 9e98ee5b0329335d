#pragma once

#include "kernels/lane_math.h"
#include "kernels/panels.h"
#include "kernels/train_kernels.h"
#include "kernels/vector_impl.h"

// Attention of a document's rows to each other, and its gradient, as products of panels over lanes
// V. Lanes are queries, so that the softmax goes down the keys lane by lane: kWidth queries at a
// time against every key that one of them sees. Nothing of size rows x rows is kept; backward makes
// the weights again from log_sum, as in Dao et al., FlashAttention.
//
// Keys come in groups of kRows, queries in panels of kWidth: a key that a query of its panel does
// not see has the weight 0, and adds nothing. Weights are 2^(t - log_sum), t the score times
// log2(e).
namespace nalar::kernels {

// What forward and backward share. Letters: T rows, H head_dim, whole groups of both T' and H'.
template <class V>
class DocumentRows {
 protected:
  using P = Panels<V>;
  static constexpr int kRows = P::kRows, kVectors = P::kVectors, kWidth = P::kWidth;
  static constexpr float kLog2e = 1.44269504f;

  explicit DocumentRows(const DocumentAttention& call)
      : call_(call),
        rows_(P::template whole<kRows>(call.rows)),
        heads_(P::template whole<kRows>(call.head_dim)) {}

  // The next piece of scratch; without any the pieces are but counted.
  float* take(int64_t floats) {
    float* const piece = call_.scratch == nullptr ? nullptr : call_.scratch + used_;
    used_ += (floats + 15) / 16 * 16;
    return piece;
  }
  int64_t used() const { return used_; }

  struct Range {
    int64_t begin, end;
  };
  // Groups of keys that the panel of queries from `query` on sees.
  Range groups(int64_t query) const {
    const int64_t first = call_.window > 0 ? query - call_.window + 1 : 0;
    const int64_t end = least(call_.rows, query + kWidth);
    return {first > 0 ? first / kRows : 0, (end + kRows - 1) / kRows};
  }

  struct Score {
    V exponent, slope;  // t, and its slope by q·k, less the factor log2(e)
  };
  Score score(V product) const {
    if (call_.softcap <= 0) {
      return {product * V::set(call_.scale * kLog2e), V::set(call_.scale)};
    }
    const V c = tanh(product * V::set(call_.scale / call_.softcap));
    return {c * V::set(call_.softcap * kLog2e),
            V::set(call_.scale) * fma(V::set(0.0f) - c, c, V::set(1.0f))};
  }
  // What the 16 queries from `query` on see of a key: exponents, or -∞.
  V seen(V exponent, int64_t query, int64_t key) const {
    const int64_t begin = key - query, end = call_.window > 0 ? begin + call_.window : 16;
    if (begin <= 0 && end >= 16) return exponent;
    return within(static_cast<int>(least(begin, 16)), static_cast<int>(most(end, 0)), exponent,
                  V::set(-__builtin_inff()));
  }

  // Rows [first, first + count) of q, k, v, out and their like.
  typename P::Rows rows(const float* data, int64_t stride, int64_t first, int64_t count) const {
    return {data + first * stride, stride, least(count, call_.rows - first), call_.head_dim};
  }
  // panels [H][kWidth] → rows of `out`, each times its lane's factor.
  void store_rows(const float* panel, const float* factors, int64_t query, float* out,
                  int64_t stride) const {
    for (int64_t i = 0; i < kWidth && query + i < call_.rows; ++i) {
      float* const row = out + (query + i) * stride;
      for (int h = 0; h < call_.head_dim; ++h) row[h] = panel[h * kWidth + i] * factors[i];
    }
  }

  static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
  static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

  const DocumentAttention& call_;
  const int64_t rows_, heads_;  // T', H'

 private:
  int64_t used_ = 0;
};

template <class V>
class DocumentForward : DocumentRows<V> {
  using Base = DocumentRows<V>;
  using Base::kRows, Base::kVectors, Base::kWidth, Base::call_, Base::rows_, Base::heads_;
  using typename Base::P, typename Base::Range;

 public:
  using Base::used;

  explicit DocumentForward(const DocumentAttention& call)
      : Base(call),
        k_(this->take(rows_ * call.head_dim)),
        v_(this->take(heads_ * rows_)),
        q_(this->take(call.head_dim * kWidth)),
        weights_(this->take(rows_ * kWidth)),
        out_(this->take(heads_ * kWidth)) {}

  void run() const {
    P::template pack_rows<kRows>(this->rows(call_.k, call_.kv_stride, 0, call_.rows), k_);
    P::template pack_columns<kRows>(this->rows(call_.v, call_.kv_stride, 0, call_.rows), rows_, v_);
    for (int64_t query = 0; query < call_.rows; query += kWidth) panel(query);
  }

 private:
  void panel(int64_t query) const {
    P::template pack_rows<kWidth>(this->rows(call_.q, call_.q_stride, query, kWidth), q_);
    const Range keys = this->groups(query);
    for (int64_t g = keys.begin; g < keys.end; ++g) {
      P::whole_tile({.a = k_ + g * kRows * call_.head_dim,
                     .b = q_,
                     .b_step = kWidth,
                     .depth = call_.head_dim,
                     .out = weights_ + (g - keys.begin) * kRows * kWidth,
                     .out_step = kWidth});
    }
    alignas(64) float factors[kWidth];
    for (int c = 0; c < kWidth; c += 16) {
      softmax(query + c, {keys.begin * kRows, keys.end * kRows}, weights_ + c, factors + c);
    }
    for (int64_t h = 0; h < heads_; h += kRows) {
      P::whole_tile({.a = v_ + h * rows_ + keys.begin * kRows * kRows,
                     .b = weights_,
                     .b_step = kWidth,
                     .depth = (keys.end - keys.begin) * kRows,
                     .out = out_ + h * kWidth,
                     .out_step = kWidth});
    }
    this->store_rows(out_, factors, query, call_.out, call_.out_stride);
  }

  // Products with the keys, [keys][kWidth], become weights of 16 queries, yet to be multiplied by
  // the factors.
  void softmax(int64_t query, Range keys, float* weights, float* factors) const {
    V top = V::set(-1e30f);  // finite, so that exponents of -∞ less it are -∞
    float* at = weights;
    for (int64_t key = keys.begin; key < keys.end; ++key, at += kWidth) {
      const V t = this->seen(this->score(V::load(at)).exponent, query, key);
      top = max(t, top);
      t.store(at);
    }
    V sum = V::set(0.0f);
    at = weights;
    for (int64_t key = keys.begin; key < keys.end; ++key, at += kWidth) {
      const V weight = exp2(V::load(at) - top);
      sum = sum + weight;
      weight.store(at);
    }
    float tops[16], sums[16];
    top.store(tops);
    sum.store(sums);
    (V::set(1.0f) / sum).store(factors);
    for (int64_t i = 0; i < 16 && query + i < call_.rows; ++i) {
      call_.log_sum[query + i] = static_cast<float>(tops[i] + __builtin_log2(sums[i]));
    }
  }

  float *const k_, *const v_;                     // [T'/kRows][H][kRows], [H'/kRows][T'][kRows]
  float *const q_, *const weights_, *const out_;  // [H], [keys], [H'] of [kWidth]
};

template <class V>
class DocumentBackward : DocumentRows<V> {
  using Base = DocumentRows<V>;
  using Base::kRows, Base::kVectors, Base::kWidth, Base::call_, Base::rows_, Base::heads_;
  using typename Base::P, typename Base::Range;
  // Queries and keys whose weights are held at a time. The sums over queries are made in blocks of
  // kQueries, so it shows in the result.
  static constexpr int64_t kQueries = 64, kGroups = 96 / kRows;

 public:
  using Base::used;

  explicit DocumentBackward(const DocumentAttention& call)
      : Base(call),
        k_(this->take(rows_ * call.head_dim)),
        v_(this->take(rows_ * call.head_dim)),
        k_columns_(this->take(heads_ * rows_)),
        q_(this->take(kQueries * call.head_dim)),
        d_out_(this->take(kQueries * call.head_dim)),
        q_columns_(this->take(kQueries * P::template whole<kWidth>(call.head_dim))),
        d_out_columns_(this->take(kQueries * P::template whole<kWidth>(call.head_dim))),
        delta_(this->take(kQueries)),
        weights_(this->take(kGroups * kRows * kQueries)),
        d_products_(this->take(kGroups * kRows * kQueries)),
        d_q_(this->take(kQueries * heads_)) {}

  void run() const {
    const auto k = this->rows(call_.k, call_.kv_stride, 0, call_.rows);
    P::template pack_rows<kRows>(k, k_);
    P::template pack_columns<kRows>(k, rows_, k_columns_);
    P::template pack_rows<kRows>(this->rows(call_.v, call_.kv_stride, 0, call_.rows), v_);
    for (int64_t query = 0; query < call_.rows; query += kQueries) queries(query);
  }

 private:
  void queries(int64_t query) const {
    load(query);
    const int64_t count = this->least(kQueries, call_.rows - query);
    const int64_t end = this->groups(query + (count - 1) / kWidth * kWidth).end;
    for (int64_t g = this->groups(query).begin; g < end; g += kGroups) {
      const Range block = {g, this->least(g + kGroups, end)};
      for (int64_t p = 0; p < count; p += kWidth) panel(query, p, block);
      for (int64_t group = block.begin; group < block.end; ++group) keys(query, group, block);
    }
    alignas(64) float ones[kWidth];
    for (float& x : ones) x = 1;
    for (int64_t p = 0; p < count; p += kWidth) {
      this->store_rows(d_q_ + p * heads_, ones, query + p, call_.d_q, call_.q_stride);
    }
  }

  void load(int64_t query) const {
    const auto q = this->rows(call_.q, call_.q_stride, query, kQueries);
    const auto d_out = this->rows(call_.d_out, call_.out_stride, query, kQueries);
    P::template pack_rows<kWidth>(q, q_);
    P::template pack_rows<kWidth>(d_out, d_out_);
    P::template pack_columns<kWidth>(q, kQueries, q_columns_);
    P::template pack_columns<kWidth>(d_out, kQueries, d_out_columns_);
    for (int64_t i = 0; i < kQueries; ++i) {
      V sum = V::set(0.0f);
      if (i < d_out.count) {
        const float* const dy = d_out.data + i * d_out.stride;
        const float* const y = call_.out + (query + i) * call_.out_stride;
        VectorImpl<V>::blocks(call_.head_dim, [&](int64_t h, int64_t n) {
          sum = fma(VectorImpl<V>::load(dy + h, n), VectorImpl<V>::load(y + h, n), sum);
        });
      }
      delta_[i] = sum.sum();
    }
  }

  // Weights and gradients of the products of the panel at p of the block's keys; their part of d_q.
  void panel(int64_t query, int64_t p, Range block) const {
    const Range all = this->groups(query + p);
    const Range seen = {this->most(all.begin, block.begin), this->least(all.end, block.end)};
    if (seen.begin >= seen.end) return;
    const int64_t begin = (seen.begin - block.begin) * kRows * kQueries + p;
    for (int64_t g = seen.begin; g < seen.end; ++g) {
      const int64_t at = begin + (g - seen.begin) * kRows * kQueries;
      TileCall call = {.a = k_ + g * kRows * call_.head_dim,
                       .b = q_ + p * call_.head_dim,
                       .b_step = kWidth,
                       .depth = call_.head_dim,
                       .out = weights_ + at,
                       .out_step = kQueries};
      P::whole_tile(call);
      call.a = v_ + g * kRows * call_.head_dim;
      call.b = d_out_ + p * call_.head_dim;
      call.out = d_products_ + at;
      P::whole_tile(call);
    }
    for (int c = 0; c < kWidth; c += 16) {
      gradients(query, p + c, {seen.begin * kRows, seen.end * kRows}, begin + c);
    }
    for (int64_t h = 0; h < heads_; h += kRows) {
      P::whole_tile({.a = k_columns_ + h * rows_ + seen.begin * kRows * kRows,
                     .b = d_products_ + begin,
                     .b_step = kQueries,
                     .depth = (seen.end - seen.begin) * kRows,
                     .out = d_q_ + p * heads_ + h * kWidth,
                     .out_step = kWidth,
                     .add = seen.begin > all.begin});
    }
  }

  // q·k → weight, d weight → d (q·k), of 16 queries.
  void gradients(int64_t query, int64_t i, Range keys, int64_t at) const {
    const V log_sum = V::load_first(call_.log_sum + query + i, call_.rows - query - i);
    const V delta = V::load(delta_ + i);
    for (int64_t key = keys.begin; key < keys.end; ++key, at += kQueries) {
      const auto score = this->score(V::load(weights_ + at));
      const V weight = exp2(this->seen(score.exponent, query + i, key) - log_sum);
      const V slope = weight * score.slope;
      (slope * (V::load(d_products_ + at) - delta)).store(d_products_ + at);
      weight.store(weights_ + at);
    }
  }

  // The part of these queries in d_k and d_v of a group of keys.
  void keys(int64_t query, int64_t group, Range block) const {
    Range seeing = {kQueries, 0};
    for (int64_t p = 0; p < kQueries && query + p < call_.rows; p += kWidth) {
      const Range seen = this->groups(query + p);
      if (group < seen.begin || group >= seen.end) continue;
      seeing = {this->least(seeing.begin, p), p + kWidth};
    }
    const int64_t at = (group - block.begin) * kRows * kQueries + seeing.begin;
    alignas(64) float sums[kRows * kWidth];
    for (int64_t h = 0; h < call_.head_dim; h += kWidth) {
      const int64_t row = h * kQueries + seeing.begin * kWidth;
      TileCall call = {.a = weights_ + at,
                       .b = d_out_columns_ + row,
                       .b_step = kWidth,
                       .depth = seeing.end - seeing.begin,
                       .out = sums,
                       .out_step = kWidth};
      P::template tile<kRows, kVectors, kQueries, 1>(call);
      add_rows(sums, group, h, call_.d_v);
      call.a = d_products_ + at;
      call.b = q_columns_ + row;
      P::template tile<kRows, kVectors, kQueries, 1>(call);
      add_rows(sums, group, h, call_.d_k);
    }
  }
  void add_rows(const float* sums, int64_t group, int64_t h, float* out) const {
    for (int64_t r = 0; r < kRows && group * kRows + r < call_.rows; ++r) {
      float* const row = out + (group * kRows + r) * call_.kv_stride + h;
      VectorImpl<V>::blocks(this->least(kWidth, call_.head_dim - h), [&](int64_t i, int64_t n) {
        const V sum = V::load(sums + r * kWidth + i);
        VectorImpl<V>::store(VectorImpl<V>::load(row + i, n) + sum, row + i, n);
      });
    }
  }

  float *const k_, *const v_, *const k_columns_;  // [T'/kRows][H][kRows]; [H'/kRows][T'][kRows]
  // Of the queries of a block: [kQueries/kWidth][H][kWidth]; [H/kWidth][kQueries][kWidth].
  float *const q_, *const d_out_, *const q_columns_, *const d_out_columns_;
  float* const delta_;                        // [kQueries] Σ d_out out
  float *const weights_, *const d_products_;  // [keys][kQueries]
  float* const d_q_;                          // [kQueries/kWidth][H'][kWidth]
};

template <class V>
size_t document_attention_scratch(int64_t rows, int head_dim) {
  DocumentAttention call;
  call.rows = rows;
  call.head_dim = head_dim;
  const int64_t forward = DocumentForward<V>(call).used();
  const int64_t backward = DocumentBackward<V>(call).used();
  return static_cast<size_t>(forward > backward ? forward : backward);
}
template <class V>
void document_attention_forward(const DocumentAttention& call) {
  DocumentForward<V>(call).run();
}
template <class V>
void document_attention_backward(const DocumentAttention& call) {
  DocumentBackward<V>(call).run();
}

}  // namespace nalar::kernels
