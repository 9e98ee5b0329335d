#pragma once

#include <nalar/tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace nalar::quant {

// H = Σ x x^T / n of the inputs [T, columns] of a Linear, in fp32 with sums in a fixed order.
class Hessian {
 public:
  explicit Hessian(int64_t columns);

  int64_t columns() const { return columns_; }
  int64_t tokens() const { return tokens_; }
  // Adds rows; `threads` share the work, the result does not depend on how many.
  void add(MatrixView<const float> rows, int threads);
  // E[x_c²].
  std::vector<float> diagonal() const;
  // For encode_rows_with_feedback: the upper triangular U with U^T U = (H + damping · mean(diag) ·
  // I)^-1, where columns that never were anything but 0 count as identity. Call once, after the
  // last add(). False when H is no use (not positive definite even with more damping).
  bool factor(double damping = 0.01);
  MatrixView<const float> factor_rows() const;  // [columns, columns], upper

 private:
  int64_t columns_;
  int64_t tokens_ = 0;
  std::vector<float> h_;
  bool factored_ = false;
};

}  // namespace nalar::quant
