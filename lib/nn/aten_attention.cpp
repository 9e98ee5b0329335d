#include "nn/aten_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/tanh.h>

#include <algorithm>
#include <limits>

namespace nalar::nn {
namespace {

constexpr int64_t kQueryRows = 512;  // bounds the scores' memory

// Query rows [begin, end), which see keys [first, end) at most.
struct Tile {
  int64_t begin, end, first;
};

template <typename F>
void for_each_tile(const AttentionRows& rows, F&& fn) {
  for (size_t d = 0; d + 1 < rows.documents.size(); ++d) {
    const int64_t start = rows.documents[d], stop = rows.documents[d + 1];
    for (int64_t begin = start; begin < stop; begin += kQueryRows) {
      const int64_t window = rows.spec.window > 0 ? begin - rows.spec.window + 1 : start;
      fn(Tile{begin, std::min(begin + kQueryRows, stop), std::max(start, window)});
    }
  }
}

// One tile's operands, batched over the kv heads: [K, group * rows, H] of the queries' side.
class TileHeads {
 public:
  TileHeads(const AttentionRows& rows, at::ScalarType wide, const Tile& tile)
      : spec_(rows.spec),
        wide_(wide),
        tile_(tile),
        n_(tile.end - tile.begin),
        k(keys(rows.k)),
        v(keys(rows.v)),
        q(queries(rows.q)) {}

  // x [T, N * H] → [K, group * n, H], and back
  at::Tensor queries(const at::Tensor& x) const {
    return x.narrow(0, tile_.begin, n_)
        .view({n_, spec_.n_kv_heads, group(), spec_.head_dim})
        .permute({1, 2, 0, 3})
        .to(wide_)
        .reshape({spec_.n_kv_heads, group() * n_, spec_.head_dim});
  }
  void store_queries(const at::Tensor& x, const at::Tensor& heads) const {
    x.narrow(0, tile_.begin, n_)
        .view({n_, spec_.n_kv_heads, group(), spec_.head_dim})
        .permute({1, 2, 0, 3})
        .copy_(heads.view({spec_.n_kv_heads, group(), n_, spec_.head_dim}));
  }
  // x [T, K * H] → [K, n_keys, H]
  at::Tensor keys(const at::Tensor& x) const { return key_rows(x).to(wide_); }
  void add_keys(const at::Tensor& x, const at::Tensor& heads) const { key_rows(x).add_(heads); }
  // log_sum [N, T] → [K, group * n, 1]
  at::Tensor sums(const at::Tensor& log_sum) const {
    return log_sum.narrow(1, tile_.begin, n_).reshape({spec_.n_kv_heads, group() * n_, 1});
  }
  void store_sums(const at::Tensor& log_sum, const at::Tensor& sums) const {
    log_sum.narrow(1, tile_.begin, n_).copy_(sums.view({spec_.n_heads, n_}));
  }

  // [K, group * n, n_keys]: softcapped, -infinity where a row does not see a key.
  at::Tensor scores() const {
    at::Tensor s = at::bmm(q, k.transpose(1, 2)) * static_cast<double>(spec_.scale);
    if (spec_.softcap > 0) {
      const double cap = static_cast<double>(spec_.softcap);
      s = at::tanh(s / cap) * cap;
    }
    const auto options = at::TensorOptions().dtype(at::kLong).device(q.device());
    const at::Tensor row = at::arange(tile_.begin, tile_.end, options).unsqueeze(1);
    const at::Tensor key = at::arange(tile_.first, tile_.end, options).unsqueeze(0);
    at::Tensor hidden = key > row;
    if (spec_.window > 0) hidden = hidden.logical_or(key <= row - spec_.window);
    s.view({spec_.n_heads, n_, -1}).masked_fill_(hidden, -std::numeric_limits<double>::infinity());
    return s;
  }

 private:
  const AttentionSpec& spec_;
  at::ScalarType wide_;
  Tile tile_;
  int64_t n_;

  int64_t group() const { return spec_.n_heads / spec_.n_kv_heads; }
  at::Tensor key_rows(const at::Tensor& x) const {
    return x.narrow(0, tile_.first, tile_.end - tile_.first)
        .view({tile_.end - tile_.first, spec_.n_kv_heads, spec_.head_dim})
        .transpose(0, 1);
  }

 public:
  const at::Tensor k, v, q;
};

}  // namespace

void aten_attention(const AttentionRows& rows, at::ScalarType wide) {
  for_each_tile(rows, [&](const Tile& tile) {
    const TileHeads heads(rows, wide, tile);
    const at::Tensor s = heads.scores();
    const at::Tensor log_sum = at::logsumexp(s, {2}, true);
    heads.store_queries(rows.out, at::bmm(at::exp(s - log_sum), heads.v));
    heads.store_sums(rows.log_sum, log_sum);
  });
}

void aten_attention_backward(const AttentionRows& rows, at::ScalarType wide,
                             const at::Tensor& d_out, const AttentionGradients& gradients) {
  gradients.k.zero_();
  gradients.v.zero_();
  const double scale = static_cast<double>(rows.spec.scale);
  const double cap = static_cast<double>(rows.spec.softcap);
  for_each_tile(rows, [&](const Tile& tile) {
    const TileHeads heads(rows, wide, tile);
    const at::Tensor s = heads.scores(), d = heads.queries(d_out);
    const at::Tensor p = at::exp(s - heads.sums(rows.log_sum));
    heads.add_keys(gradients.v, at::bmm(p.transpose(1, 2), d));
    const at::Tensor dp = at::bmm(d, heads.v.transpose(1, 2));
    at::Tensor ds = p * (dp - (p * dp).sum(2, true));
    if (cap > 0) ds = ds * (1 - (s.masked_fill(p == 0, 0) / cap).square());
    heads.store_queries(gradients.q, at::bmm(ds, heads.k) * scale);
    heads.add_keys(gradients.k, at::bmm(ds.transpose(1, 2), heads.q) * scale);
  });
}

}  // namespace nalar::nn
