#pragma once

#include <nalar/tensor.h>

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "quant/triangular.h"

namespace nalar::quant {

// H = Σ x x^T / n of the inputs [T, columns] of a Linear, in fp32 with sums in a fixed order.
// Holds one matrix [columns, columns]: H stays below its diagonal of blocks while the factor is
// above, so that a failed attempt can be repeated.
class Hessian {
 public:
  explicit Hessian(int64_t columns);

  int64_t columns() const { return columns_; }
  int64_t tokens() const { return tokens_; }
  // Adds rows, before factor(). The result does not depend on the number of threads.
  // The products are of bf16 where those are fast: rounding the inputs is noise of 2^-9 of each,
  // far below the damping.
  void add(MatrixView<const float> rows, Products& products);
  // E[x_c²].
  std::vector<float> diagonal() const;
  // For encode_rows_with_feedback: the upper triangular U with U^T U = (H + λ I)^-1, λ = damping()
  // · the mean of the diagonal where it is not 0; ten times as much where that is not positive
  // definite, and once more. Call once, after the last add(). False when H is of no use: nothing
  // but zeros, or not even so.
  bool factor(int threads);
  // The fewer tokens for its columns, the more of H is chance. Measured on inputs that were not in
  // H: 0.3 is best for as many tokens as columns, 0.1 for four times as many.
  double damping() const {
    return 0.01 +
           0.3 * static_cast<double>(columns_) / static_cast<double>(tokens_ > 0 ? tokens_ : 1);
  }
  // [columns, columns]; what is below the diagonal is not of the factor.
  MatrixView<const float> factor_rows() const {
    return {h_.as<float>(), columns_, columns_, columns_};
  }
  bool factored() const { return factored_; }

 private:
  int64_t columns_;
  int64_t tokens_ = 0;
  base::AlignedBuffer h_;
  std::vector<float> diagonal_;  // of the sum, once factored
  bool factored_ = false;
};

}  // namespace nalar::quant
