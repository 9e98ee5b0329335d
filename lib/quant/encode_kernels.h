#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>

#include "kernels/isa.h"
#include "kernels/scalar/plain_block.h"
#include "quant/error_sums.h"

// The search for scales and quants, and what else is done with every element of a row, once an
// instruction set. Each gives the same bits: sums are of 16 lanes and then a fixed tree, products
// and sums fuse where the code says so. noexcept; nothing is allocated.
namespace nalar::quant {

// Columns of 16 rows, whose blocks have their scales: each column is rounded to its nearest quant
// and the error goes into the columns after it.
struct FeedbackCall {
  DType type;
  kernels::PlainBlock* const* blocks;  // [16], of the rows; their q are written
  int first;       // the place of the first column in the block, a multiple of 16
  int columns;     // to round, a multiple of 16
  int left;        // in the tile, from the first on: these take the errors
  float* tile;     // [left][16]: the weights, a column after the other
  const float* u;  // U (Hessian::factor_rows) from its diagonal at the first column on
  int64_t u_stride;
  float* errors;  // [columns], each 16 floats, `errors_stride` apart: (w − ŵ) / U_jj
  int64_t errors_stride;
};

// A row of any type but F32 and BF16.
struct RowCall {
  DType type;
  const float* x;           // [columns], finite
  const float* importance;  // [columns], ≥ 0, or nullptr: all alike
  bool thorough;            // the search goes on as long as it finds something
  int64_t columns;          // a multiple of the type's block
  std::byte* out;
  float* decoded;  // [columns]: the row as a reader gets it; or nullptr
};

struct EncodeKernels {
  void (*encode)(const RowCall& call) = nullptr;
  // One block of a quantized type: scales and quants that make Σ w (x − x̂)² small. x and w:
  // block_size(type).elements floats, finite; w ≥ 0, or nullptr: all alike.
  void (*fit)(DType type, const float* x, const float* w, bool thorough,
              kernels::PlainBlock& out) = nullptr;
  void (*feedback)(const FeedbackCall& call) = nullptr;
  // The first `count` elements of a file row, to whole vectors of 16 or blocks.
  void (*decode)(DType type, const std::byte* row, int64_t count, float* out) = nullptr;
  bool (*finite)(const float* x, int64_t n) = nullptr;
  // Without importance: no sums of the output.
  ErrorSums (*errors)(const float* x, const float* decoded, const float* importance,
                      int64_t n) = nullptr;
};

const EncodeKernels& encode_kernels(kernels::Isa isa) noexcept;

// The table of each folder.
const EncodeKernels& scalar_encode_kernels() noexcept;
const EncodeKernels& avx2_encode_kernels() noexcept;
const EncodeKernels& avx512_encode_kernels() noexcept;

}  // namespace nalar::quant
