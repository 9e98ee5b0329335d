#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>

#include "kernels/isa.h"

// Kernels of training: products in fp32, and the backward halves of norm, rope, gated feed-forward,
// attention and cross-entropy. Every ISA gives the same bits. noexcept; nothing is allocated; one
// thread a call: callers split the work so that a result never depends on how.
namespace nalar::kernels {

// C_MN = alpha · A_MK B_KN, or C += that. One output element is, over k in blocks of kProductDepth, a chain of
// fma in order; the blocks' sums are added one after the other.
inline constexpr int64_t kProductDepth = 256;

struct ProductCall {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;  // [M, K], or [K, M] where transposed; rows a_stride floats apart
  int64_t a_stride = 0;
  bool a_transposed = false;
  // [K, N], or [N, K] where transposed: of F32, F16, BF16 or a quantized type as it lies in its file,
  // expanded to fp32 panel by panel. Rows b_stride bytes apart. Where a quantized B is not transposed, the
  // columns [b_column, b_column + N) of its rows are meant, b_column a multiple of the block.
  DType b_type = DType::f32;
  const std::byte* b = nullptr;
  int64_t b_stride = 0;
  int64_t b_column = 0;
  bool b_transposed = false;
  float* c = nullptr;  // [M, N], rows c_stride floats apart
  int64_t c_stride = 0;
  float alpha = 1;
  bool accumulate = false;
  std::byte* scratch = nullptr;  // product_scratch bytes, 64-byte aligned, this thread's own
};

// Attention of the rows of one document, one query head: row i sees rows max(0, i - window + 1) … i.
struct DocumentAttention {
  int64_t rows = 0;
  int head_dim = 0;
  float scale = 1, softcap = 0;
  int window = 0;
  const float *q = nullptr, *k = nullptr, *v = nullptr;  // row i at q + i * q_stride
  int64_t q_stride = 0, kv_stride = 0;
  float* out = nullptr;  // [rows, head_dim]
  int64_t out_stride = 0;
  float* log_sum = nullptr;  // [rows] log of the softmax's denominator, written forward, read backward
  // Backward: d_out is read; d_q is written; d_k and d_v are added to.
  const float* d_out = nullptr;
  float *d_q = nullptr, *d_k = nullptr, *d_v = nullptr;  // strides as of q, k, v; d_out as out
  float* scratch = nullptr;  // attention_scratch(rows, head_dim) floats, 64-byte aligned
};

struct TrainKernels {
  size_t (*product_scratch)(int64_t m, int64_t n, int64_t k) = nullptr;
  void (*product)(const ProductCall& call) = nullptr;

  // y = x / rms(x) * w. dx += d/dx (or = where `overwrite`); dw += where it is not nullptr.
  void (*rms_norm_backward)(const float* dy, const float* x, const float* w, float eps, int64_t n,
                            float* dx, bool overwrite, float* dw) = nullptr;
  // h = act(gate) * up: from dh, gate, up to d_gate, d_up (which may be gate's and up's memory).
  void (*silu_mul_backward)(const float* dh, const float* gate, const float* up, int64_t n,
                            float* d_gate, float* d_up) = nullptr;
  void (*gelu_tanh_mul_backward)(const float* dh, const float* gate, const float* up, int64_t n,
                                 float* d_gate, float* d_up) = nullptr;
  void (*gelu_mul_backward)(const float* dh, const float* gate, const float* up, int64_t n,
                            float* d_gate, float* d_up) = nullptr;

  size_t (*attention_scratch)(int64_t rows, int head_dim) = nullptr;
  void (*attention_forward)(const DocumentAttention& call) = nullptr;
  void (*attention_backward)(const DocumentAttention& call) = nullptr;

  // -log softmax(logits)[label], the logits softcapped first where softcap > 0 (cap · tanh(x / cap)). Where weight is not 0 the logits become
  // weight · d/d logits.
  double (*cross_entropy)(float* logits, int64_t n, int64_t label, float softcap,
                          float weight) = nullptr;
};

const TrainKernels& train_kernels(Isa isa) noexcept;

}  // namespace nalar::kernels
