#pragma once

#include <nalar/export.h>

#include <cstddef>
#include <cstdint>

#include "kernels/isa.h"

// Element-wise and reducing kernels, and attention. Every ISA gives the same bits: reductions add
// 16 lanes (element i into lane i % 16) and then a fixed tree; exp is one polynomial. noexcept;
// nothing is allocated.
namespace nalar::kernels {

inline constexpr int kKvPage = 64;  // positions of a page of the KV cache

enum class KvType { half, single };

inline constexpr int kv_bytes(KvType type) { return type == KvType::half ? 2 : 4; }
inline constexpr int64_t kExpBlock = 256;
// Width of a row of a V page: whole vectors of 16.
inline constexpr int padded_head_dim(int head_dim) { return (head_dim + 15) / 16 * 16; }

// Attention of rows that share one kv head over its pages, with a running softmax page by page: a
// row's result depends on its own position and the pages alone.
//   K page: [head_dim][kKvPage] (transposed), V page: [kKvPage][padded_head_dim], both 64-byte
//   aligned and finite in every slot, unused ones too.
struct AttentionCall {
  KvType type = KvType::half;
  int head_dim = 0;
  float scale = 1;
  float softcap = 0;  // 0 = off
  int window = 0;     // position p sees p - window + 1 … p; 0 = all before it
  const std::byte* const* blocks = nullptr;  // block i holds positions i * kKvPage …
  size_t k_offset = 0, v_offset = 0;         // of the pages in a block
  int n_rows = 0;
  const int32_t* positions = nullptr;  // of each row; keys 0 … position are in the pages
  const float* const* q = nullptr;     // [head_dim] of each row
  float* const* out = nullptr;         // [head_dim] of each row
  float* scratch = nullptr;            // attention_scratch(head_dim) floats a row, 64-byte aligned
};

struct VectorKernels {
  void (*rms_norm)(const float* x, const float* weight, float eps, int64_t n, float* out) = nullptr;
  void (*add)(const float* x, int64_t n, float* y) = nullptr;  // y += x
  void (*scale)(float s, int64_t n, float* x) = nullptr;       // x *= s
  void (*softcap)(float cap, int64_t n, float* x) = nullptr;   // cap * tanh(x / cap)
  // out = act(gate) * up; out may be gate or up.
  void (*silu_mul)(const float* gate, const float* up, int64_t n, float* out) = nullptr;
  void (*gelu_tanh_mul)(const float* gate, const float* up, int64_t n, float* out) = nullptr;
  void (*gelu_mul)(const float* gate, const float* up, int64_t n, float* out) = nullptr;
  // The highest of x, and in `at` where it first stands. A NaN is never it.
  float (*highest)(const float* x, int64_t n, int64_t* at) = nullptr;
  // Σ exp(x - top) for x ≤ top: in fp32 over kExpBlock elements, those in double. Terms below e^-86
  // count as 0; a NaN makes it NaN.
  double (*sum_exp)(const float* x, float top, int64_t n) = nullptr;
  // Rotates n_heads heads of head_dim; cos and sin: [rope_dim / 2] of this position.
  void (*rope_half)(float* x, int n_heads, int head_dim, int rope_dim, const float* cos,
                    const float* sin) = nullptr;
  void (*rope_interleaved)(float* x, int n_heads, int head_dim, int rope_dim, const float* cos,
                           const float* sin) = nullptr;
  // One position's k and v [head_dim] into slot (0 … kKvPage - 1) of a page. Values beyond the
  // range of f16 become its largest.
  void (*store_kv)(KvType type, const float* k, const float* v, int head_dim, int slot,
                   std::byte* k_page, std::byte* v_page) = nullptr;
  size_t (*attention_scratch)(int head_dim) = nullptr;
  void (*attention)(const AttentionCall& call) = nullptr;
};

NALAR_MODULE_API const VectorKernels& vector_kernels(Isa isa) noexcept;

}  // namespace nalar::kernels
