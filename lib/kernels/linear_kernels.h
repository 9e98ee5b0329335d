#pragma once

#include <nalar/export.h>

#include <cstddef>
#include <cstdint>

#include <nalar/dtype.h>

#include "kernels/isa.h"

// y_TR = x_TC W_RC^T for weights of every type, as they lie or packed. Raw pointers and sizes; nothing is allocated; noexcept.
//
// The arithmetic is the same on every ISA and for every number of tokens, so results are equal to the last bit (scalar
// twin: std::fma where the others have vfmadd). For one output element, in this order:
//   Operand::int8  x is quantized per 32 elements: d = max|x| / 127, q = round-to-nearest-even(x * (1/d)), both in fp32;
//     (d below FLT_MIN counts as zero: q = 0; where x has a NaN or infinity, d and the result have);
//     types in blocks of 32 (w = d_w * q_w [+ m_w]):   acc = fma(float(Σ q_w q), d_w * d, acc), then
//       acc = fma(m_w, d * float(Σ q), acc)            with the integer sum exact, offsets (-8, -16) inside it;
//     types in blocks of 256, for each 32 of a block:  part = fma(float(Σ s_w Σ q_w q), d, part), with the sub-block scales
//       s_w inside the exact integer sum (below 2^24, so it may be made in fp32 as well); mins: low = fma(m_w,
//       d * float(Σ q), low), per 32 or per 16 as the type has them;
//       after the block                                acc = fma(part, d_w, acc), acc = fma(-low, dmin_w, acc).
//   Operand::fp32  acc = fma(w, x, acc) over k in order, w dequantized to fp32 as gguf's reference does.
//   At the end bias is added, then what y held where `accumulate`.
namespace nalar::kernels {

enum class Operand {
  int8,  // for quantized weights
  fp32,  // for all
};

inline constexpr int kGroupRows = 16;  // rows of a packed group; row ranges are multiples of it

struct LinearCall {
  DType type = DType::f32;
  Operand operand = Operand::fp32;
  const std::byte* weight = nullptr;  // of row 0: packed groups, or file rows where packed_bytes is 0
  int64_t rows = 0;                   // of the whole matrix
  int64_t columns = 0;                // multiple of the block
  int64_t row_begin = 0;              // multiple of kGroupRows
  int64_t row_end = 0;                // multiple of kGroupRows, or `rows`
  const std::byte* activations = nullptr;  // from load_activations, all tokens
  int64_t tokens = 0;
  float* y = nullptr;                 // y[t * y_stride + r]
  int64_t y_stride = 0;
  const float* bias = nullptr;        // [rows] or none
  bool accumulate = false;            // y += instead of y =
  std::byte* scratch = nullptr;       // scratch_bytes(), 64-byte aligned, this thread's own
};

struct LinearKernels {
  // Tokens of an activation tile: ranges given to load_activations start at its multiples.
  int64_t tile = 1;
  size_t (*activation_bytes)(Operand operand, int64_t tokens, int64_t columns) = nullptr;
  // Tokens [begin, end) of x (row t at x + t * stride) into `out`, which holds `tokens` in all.
  void (*load_activations)(Operand operand, const float* x, int64_t stride, int64_t begin, int64_t end,
                           int64_t tokens, int64_t columns, std::byte* out) = nullptr;

  // Bytes of rows x columns packed, rows rounded up to a group; 0: the kernels read the file's rows.
  size_t (*packed_bytes)(DType type, int64_t rows, int64_t columns) = nullptr;
  // Rows [begin, end) (begin a multiple of kGroupRows) of file rows (row 0 at `source`) to their place in
  // `packed` (whose group 0 is row 0). Rows past the end become zeros.
  void (*pack)(DType type, const std::byte* source, int64_t rows, int64_t columns, int64_t begin,
               int64_t end, std::byte* packed) = nullptr;
  // Row r of packed (or file) rows as fp32: for embeddings, and tests.
  void (*dequantize_row)(DType type, const std::byte* weight, int64_t rows, int64_t columns, int64_t r,
                         float* out) = nullptr;

  size_t (*scratch_bytes)(int64_t columns) = nullptr;
  void (*linear)(const LinearCall& call) = nullptr;
};

NALAR_MODULE_API const LinearKernels& linear_kernels(Isa isa) noexcept;

}  // namespace nalar::kernels
