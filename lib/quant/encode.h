#pragma once

#include <nalar/dtype.h>
#include <nalar/export.h>
#include <nalar/tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>

// fp32 → the blocks of a GGUF type, with the least weighted squared error that a search finds:
// Σ_i w_i (x_i − x̂_i)². Every file format's type can be written; what is written decodes to the
// same numbers in every reader of the format.
namespace nalar::quant {

// What errors in each input column cost: E[x_c²] of the activations, up to a factor, so that the
// error of the Linear's output is what is minimised.
struct Importance {
  std::span<const float> of_column;  // [columns], ≥ 0, or empty: all alike
  bool thorough = true;  // the search goes on as long as it finds something; not so without columns
};

// One row of a matrix (weights by magnitude, x² + σ² or |x| + σ, gave a higher KL divergence than
// all alike). `columns` is a multiple of the type's block. Writes columns / block
// · bytes to `out`, and the row as a reader gets it to `decoded` [columns], if it is there. F32,
// F16, BF16 too (round to nearest even). What is beyond a type's range becomes its largest.
// Thread-safe; nothing is allocated; the same bits on every instruction set. REQUIRES finite
// values.
void encode_row(DType type, std::span<const float> row, const Importance& importance,
                std::byte* out, float* decoded = nullptr) noexcept;

// The row as a reader of the file gets it.
void decode_row(DType type, const std::byte* bytes, std::span<float> row) noexcept;

// Whether rows of this length can be of this type.
bool fits(DType type, int64_t columns) noexcept;

// Second-order statistics of a Linear's input: H = E[x x^T], and what the feedback needs of it.
class Hessian;

// Rows [begin, end) of a matrix with the error of a column fed back into the columns after it
// (Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
// Transformers", ICLR 2023), on scales that encode_row's search fixes for a block when its first
// column is reached. Rows are independent: callers split them over threads. Writes to `out` what
// encode_row of each row would, row `begin` first. REQUIRES hessian.factored() and a quantized
// type.
void encode_rows_with_feedback(DType type, MatrixView<const float> rows, const Hessian& hessian,
                               int64_t begin, int64_t end, std::byte* out);

}  // namespace nalar::quant
