#pragma once

#include "nn/ops.h"

namespace nalar::nn {

struct AttentionGradients {
  at::Tensor q, k, v;
};

// Attention by whole-tensor operators, in fp32 or f64 (`wide`), some query rows of a document at a
// time.
void aten_attention(const AttentionRows& rows, at::ScalarType wide);
void aten_attention_backward(const AttentionRows& rows, at::ScalarType wide,
                             const at::Tensor& d_out, const AttentionGradients& gradients);

}  // namespace nalar::nn
