#pragma once

#include "nn/pass.h"

namespace nalar::nn {

// Adds the keys and values of each document's rows to its cache, and lets the rows attend to all
// there is up to their positions. log_sum is not made.
void cached_attention(const Pass& pass, const AttentionRows& rows);

// Query rows at neighbouring positions and the keys and values that they may see.
struct CachedQueries {
  const AttentionSpec& spec;
  int64_t position, first_key;  // of the first row, of the first key
  at::Tensor q, k, v;           // [1, N, n, H] [1, K, keys, H] [1, K, keys, H]
};
// What they attend to, [1, N, n, H]: by LibTorch's fused operator, which knows no softcap, and by
// whole-tensor operators in `wide`, its slow twin.
at::Tensor fused_attention(const CachedQueries& queries);
at::Tensor plain_attention(const CachedQueries& queries, at::ScalarType wide);

}  // namespace nalar::nn
