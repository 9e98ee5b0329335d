#include "nn/cached_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>

#include <algorithm>
#include <limits>

namespace nalar::nn {
namespace {

// [T, heads * H] → [1, heads, T, H]
at::Tensor heads(const at::Tensor& x, int head_dim) {
  return x.view({1, x.size(0), -1, head_dim}).transpose(1, 2);
}

// [n, keys]: whether a row sees a key. Undefined where each sees all.
at::Tensor seen(const CachedQueries& c) {
  const int64_t n = c.q.size(2), keys = c.k.size(2);
  if (n == 1) return {};  // the first key is the first of its window, the last its own
  const auto options = at::TensorOptions().dtype(at::kLong).device(c.q.device());
  const at::Tensor row = at::arange(c.position, c.position + n, options).unsqueeze(1);
  const at::Tensor key = at::arange(c.first_key, c.first_key + keys, options).unsqueeze(0);
  at::Tensor sees = key <= row;
  if (c.spec.window > 0) sees = sees.logical_and(key > row - c.spec.window);
  return sees;
}

}  // namespace

at::Tensor fused_attention(const CachedQueries& c) {
  const int64_t n = c.q.size(2);
  // Without a mask LibTorch may choose its fastest kernels.
  const bool causal = n > 1 && n == c.k.size(2) && (c.spec.window == 0 || n <= c.spec.window);
  const at::Tensor mask = causal ? at::Tensor() : seen(c);
  return at::scaled_dot_product_attention(
      c.q, c.k, c.v, mask.defined() ? std::optional(mask) : std::nullopt, /*dropout_p=*/0, causal,
      static_cast<double>(c.spec.scale), /*enable_gqa=*/c.spec.n_heads != c.spec.n_kv_heads);
}

at::Tensor plain_attention(const CachedQueries& c, at::ScalarType wide) {
  const int64_t n = c.q.size(2), head_dim = c.spec.head_dim;
  const at::Tensor q = c.q.to(wide).reshape({c.spec.n_kv_heads, -1, head_dim});
  const at::Tensor k = c.k[0].to(wide), v = c.v[0].to(wide);
  at::Tensor scores = at::bmm(q, k.transpose(1, 2)) * static_cast<double>(c.spec.scale);
  if (c.spec.softcap > 0) {
    const double cap = static_cast<double>(c.spec.softcap);
    scores = at::tanh(scores / cap) * cap;
  }
  if (const at::Tensor sees = seen(c); sees.defined()) {
    scores.view({c.spec.n_heads, n, -1})
        .masked_fill_(sees.logical_not(), -std::numeric_limits<double>::infinity());
  }
  return at::bmm(at::softmax(scores, 2), v).view({1, c.spec.n_heads, n, head_dim});
}

void cached_attention(const Pass& pass, const AttentionRows& rows) {
  const AttentionSpec& spec = rows.spec;
  for (size_t d = 0; d < pass.caches.size(); ++d) {
    const auto& [k, v] = pass.caches[d];
    const int64_t begin = pass.documents[d], n = pass.documents[d + 1] - begin;
    const int64_t position = pass.origins.positions[static_cast<size_t>(begin)];
    k.narrow(0, position, n).copy_(rows.k.narrow(0, begin, n));
    v.narrow(0, position, n).copy_(rows.v.narrow(0, begin, n));
    const int64_t first = spec.window > 0 ? std::max<int64_t>(0, position - spec.window + 1) : 0;
    const int64_t keys = position + n - first;
    const CachedQueries queries{spec,
                                position,
                                first,
                                heads(rows.q.narrow(0, begin, n), spec.head_dim),
                                heads(k.narrow(0, first, keys), spec.head_dim),
                                heads(v.narrow(0, first, keys), spec.head_dim)};
    heads(rows.out.narrow(0, begin, n), spec.head_dim)
        .copy_(spec.softcap > 0 ? plain_attention(queries, pass.ops.wide)
                                : fused_attention(queries));
  }
}

}  // namespace nalar::nn
