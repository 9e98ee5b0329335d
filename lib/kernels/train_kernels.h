#pragma once

#include <nalar/dtype.h>
#include <nalar/export.h>

#include <cstddef>
#include <cstdint>

#include "kernels/isa.h"

// Kernels of training: products in fp32 and bf16, and the backward halves of norm, gated
// feed-forward, attention and cross-entropy. Every ISA gives the same bits: sums over a row add 16
// lanes and then a fixed tree, as in vector_kernels.h. noexcept; nothing is allocated; one thread a
// call.
namespace nalar::kernels {

// C_MN = alpha · A_MK B_KN, or C += that. K is cut into blocks (product_block); a block's part of
// an element is a chain of fma from 0 over k in order. C is alpha times the first part (or is
// fma(alpha, part, C) where `accumulate`), then fma(alpha, part, C) with each of the others. An
// element thus depends on its row of A and column of B alone: callers may split M and N at will.
inline constexpr int64_t kProductDepth = 256;

// In bf16 both operands are rounded first, to nearest even, numbers below the normal ones to 0. The
// chain is that of AVX512_BF16's dot product of pairs: of elements 2 i and 2 i + 1 of a block the
// second comes first, each a fma in fp32 whose result becomes 0 below the normal numbers; a block
// of odd length ends in a 0.
inline constexpr int64_t kBf16ProductDepth = 512;

// How much of the `left` rest of K is the next block: `depth`, or all where that is not half a
// block more.
constexpr int64_t product_block(int64_t left, int64_t depth) {
  return left <= depth + depth / 2 ? left : depth;
}

struct ProductCall {
  int64_t m = 0, n = 0, k = 0;  // any size; of K = 0 the sum is 0
  const float* a = nullptr;     // [M, K], or [K, M] where transposed; rows a_stride floats apart
  int64_t a_stride = 0;
  bool a_transposed = false;
  // [K, N], or [N, K] where transposed: of F32, F16, BF16 or a quantized type as it lies in its
  // file, expanded to fp32 panel by panel. Rows b_stride bytes apart. Where a quantized B is not
  // transposed, the columns [b_column, b_column + N) of its rows are meant, b_column a multiple of
  // the block.
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

// Attention of the rows of one document, one query head: row i sees rows max(0, i - window + 1) …
// i, or all up to i where window is 0. Row i of q, d_q is at i * q_stride; of k, v, d_k, d_v at i *
// kv_stride; of out, d_out at i * out_stride: head_dim floats each.
struct DocumentAttention {
  int64_t rows = 0;
  int head_dim = 0;
  float scale = 1;
  float softcap = 0;  // 0 = off
  int window = 0;
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  int64_t q_stride = 0, kv_stride = 0;
  float* out = nullptr;  // written forward, read backward
  int64_t out_stride = 0;
  // [rows] log2 of the softmax's denominator; written forward, read backward.
  float* log_sum = nullptr;
  // Backward: d_out is read; d_q is written; d_k and d_v are added to, so that the query heads of a
  // kv head are calls one after the other with the same two.
  const float* d_out = nullptr;
  float *d_q = nullptr, *d_k = nullptr, *d_v = nullptr;
  float* scratch = nullptr;  // attention_scratch(rows, head_dim) floats, 64-byte aligned
};

struct TrainKernels {
  size_t (*product_scratch)(int64_t m, int64_t n, int64_t k) = nullptr;  // at most 2 MiB
  void (*product)(const ProductCall& call) = nullptr;
  // The same in bf16: by far faster than fp32 where Isa is avx512bf16, slower elsewhere.
  size_t (*bf16_product_scratch)(int64_t m, int64_t n, int64_t k) = nullptr;
  void (*bf16_product)(const ProductCall& call) = nullptr;

  // y = x / rms(x) * w: dx += the gradient (= where `overwrite`; dx may then be dy); dw += where it
  // is not nullptr.
  void (*rms_norm_backward)(const float* dy, const float* x, const float* w, float eps, int64_t n,
                            float* dx, bool overwrite, float* dw) = nullptr;
  // h = act(gate) * up: from dh, gate, up to d_gate, d_up (which may be gate and up).
  void (*silu_mul_backward)(const float* dh, const float* gate, const float* up, int64_t n,
                            float* d_gate, float* d_up) = nullptr;
  void (*gelu_tanh_mul_backward)(const float* dh, const float* gate, const float* up, int64_t n,
                                 float* d_gate, float* d_up) = nullptr;
  void (*gelu_mul_backward)(const float* dh, const float* gate, const float* up, int64_t n,
                            float* d_gate, float* d_up) = nullptr;

  size_t (*attention_scratch)(int64_t rows, int head_dim) = nullptr;
  void (*attention_forward)(const DocumentAttention& call) = nullptr;
  void (*attention_backward)(const DocumentAttention& call) = nullptr;

  // -log softmax(logits)[label], the logits capped first where softcap > 0 (cap · tanh(x / cap)).
  // Where weight is not 0 the logits become weight · d/d logits, else they stay. Any finite logits
  // do; one that is not makes all results NaN.
  double (*cross_entropy)(float* logits, int64_t n, int64_t label, float softcap,
                          float weight) = nullptr;
};

NALAR_MODULE_API const TrainKernels& train_kernels(Isa isa) noexcept;

}  // namespace nalar::kernels
