#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/isa.h"
#include "kernels/train_kernels.h"
#include "quant/encode.h"
#include "quant/encode_kernels.h"
#include "quant/hessian.h"
#include "quant/pack_block.h"

namespace nalar::quant {
namespace {

constexpr int64_t kRows = 256;  // done together, so that the products are matrices
constexpr int64_t kTile = 128;  // columns whose errors reach the later ones in one product
constexpr int64_t kLanes = 16;

// The rows of a chunk, from the first column to the last.
class Chunk {
 public:
  Chunk(DType type, const Hessian& hessian)
      : type_(type),
        size_(block_size(type)),
        columns_(hessian.columns()),
        u_(hessian.factor_rows()),
        importance_(static_cast<size_t>(columns_)),
        weights_(static_cast<size_t>(kRows * columns_)),
        errors_(static_cast<size_t>(kRows * kTile)),
        blocks_(static_cast<size_t>(kRows)) {
    // What an error at c costs when all later columns have made up for what they can.
    for (int64_t c = 0; c < columns_; ++c)
      importance_[static_cast<size_t>(c)] = 1 / (u_.row(c)[c] * u_.row(c)[c]);
  }

  void encode(MatrixView<const float> rows, std::byte* out) {
    rows_ = rows.rows;
    for (int64_t r = 0; r < rows_; ++r) {
      std::memcpy(weights(r), rows.row(r), static_cast<size_t>(columns_) * sizeof(float));
    }
    for (int64_t c = 0; c < columns_; c += kTile) {
      const int64_t n = std::min(kTile, columns_ - c);
      for (int64_t r = 0; r < rows_; r += kLanes) tile(r, c, n, out);
      spread(c, n);
    }
  }

 private:
  float* weights(int64_t r) { return weights_.data() + r * columns_; }

  // Columns [c, c + n) of 16 rows; lanes without a row do the last one's work again.
  void tile(int64_t r, int64_t c, int64_t n, std::byte* out) {
    alignas(64) float columns[kTile * kLanes];
    std::array<kernels::PlainBlock*, kLanes> blocks;
    kernels::PlainBlock spare;
    const int64_t lanes = std::min(kLanes, rows_ - r);
    for (int64_t i = 0; i < kLanes; ++i) {
      const int64_t row = std::min(r + i, rows_ - 1);
      blocks[static_cast<size_t>(i)] = i < lanes ? &blocks_[static_cast<size_t>(row)] : &spare;
      for (int64_t k = 0; k < n; ++k) columns[k * kLanes + i] = weights(row)[c + k];
    }
    const int64_t step = std::min<int64_t>(size_.elements, n);
    for (int64_t k = 0; k < n; k += step) {
      const int64_t place = (c + k) % size_.elements;
      if (place == 0) {
        for (int64_t i = 0; i < lanes; ++i) fit(r + i, c + k, columns + k * kLanes + i, n - k);
        spare = blocks_[static_cast<size_t>(rows_ - 1)];
      }
      kernels_.feedback({.type = type_,
                         .blocks = blocks.data(),
                         .first = static_cast<int>(place),
                         .columns = static_cast<int>(step),
                         .left = static_cast<int>(n - k),
                         .tile = columns + k * kLanes,
                         .u = u_.row(c + k) + c + k,
                         .u_stride = u_.stride,
                         .errors = errors_.data() + k * kRows + r,
                         .errors_stride = kRows});
      if (place + step < size_.elements) continue;
      for (int64_t i = 0; i < lanes; ++i) {
        pack_block(type_, blocks_[static_cast<size_t>(r + i)],
                   out + (r + i) * (columns_ / size_.elements * size_.bytes) +
                       (c + k) / size_.elements * size_.bytes);
      }
    }
  }

  // The scales of row r's block at column c, on the weights as they have become: those of the tile,
  // `left` columns, and after it those of the row.
  void fit(int64_t r, int64_t c, const float* tile, int64_t left) {
    alignas(64) float x[256];
    for (int64_t k = 0; k < size_.elements; ++k) {
      x[k] = k < left ? tile[k * kLanes] : weights(r)[c + k];
    }
    kernels_.fit(type_, x, importance_.data() + c, true, blocks_[static_cast<size_t>(r)]);
  }

  // The errors of columns [c, c + n) into all after them.
  void spread(int64_t c, int64_t n) {
    const int64_t next = c + n;
    if (next == columns_) return;
    const kernels::TrainKernels& train = kernels::train_kernels(kernels::chosen_isa());
    const size_t needed = train.product_scratch(rows_, columns_ - next, n);
    if (scratch_.size() < needed) scratch_ = base::AlignedBuffer(needed);
    train.product({.m = rows_,
                   .n = columns_ - next,
                   .k = n,
                   .a = errors_.data(),
                   .a_stride = kRows,
                   .a_transposed = true,
                   .b = reinterpret_cast<const std::byte*>(u_.row(c) + next),
                   .b_stride = u_.stride * static_cast<int64_t>(sizeof(float)),
                   .c = weights(0) + next,
                   .c_stride = columns_,
                   .alpha = -1,
                   .accumulate = true,
                   .scratch = scratch_.data()});
  }

  const DType type_;
  const BlockSize size_;
  const int64_t columns_;
  const MatrixView<const float> u_;
  std::vector<float> importance_;
  const EncodeKernels& kernels_ = encode_kernels(kernels::chosen_isa());
  int64_t rows_ = 0;
  std::vector<float> weights_;               // [rows, columns]: what is left to encode
  std::vector<float> errors_;                // [kTile][kRows]
  std::vector<kernels::PlainBlock> blocks_;  // [rows], the block that each is at
  base::AlignedBuffer scratch_;
};

}  // namespace

void encode_rows_with_feedback(DType type, MatrixView<const float> rows, const Hessian& hessian,
                               int64_t begin, int64_t end, std::byte* out) {
  assert(hessian.factored() && is_quantized(type) && fits(type, rows.columns));
  const BlockSize size = block_size(type);
  Chunk chunk(type, hessian);
  for (int64_t r = begin; r < end; r += kRows) {
    const int64_t n = std::min(kRows, end - r);
    chunk.encode({rows.row(r), n, rows.columns, rows.stride},
                 out + (r - begin) * (rows.columns / size.elements * size.bytes));
  }
}

}  // namespace nalar::quant
