#pragma once

#include <nalar/tensor.h>

#include <initializer_list>
#include <optional>
#include <vector>

#include "engine/packed_weights.h"
#include "engine/pass.h"

namespace nalar::engine {

// y_TR = x_TC W_RC^T + b, and in an adapted pass what the adapters add to it or put in its place.
class Linear {
 public:
  // `bias` may be empty. Borrows the matrix from `packed`, and what adapts it.
  Linear(const TensorView& weight, const TensorView& bias, const PackedWeights& packed,
         const KernelSet& kernels);

  int64_t in() const { return weight_.columns(); }
  int64_t out() const { return weight_.rows(); }
  kernels::Operand operand(const Pass& pass) const { return matrix(pass).operand; }
  const LowRank* low_rank(const Pass& pass) const { return pass.adapted ? low_rank_ : nullptr; }

  // Rows [begin, end) of the matrix times what read_input() read: y[t * stride + r].
  void multiply(const Worker& w, base::Range matrix_rows, int64_t n_rows, float* y,
                int64_t stride) const;
  // This thread's share of all rows.
  void multiply(const Worker& w, float* y) const {
    multiply(w, w.share(out(), kernels::kGroupRows), w.pass.n_rows, y, out());
  }
  void show(LinearObserver& observer, MatrixView<const float> input) const {
    observer.linear_input(weight_, input);
  }

  const kernels::LinearKernels& kernels() const { return kernels_; }

 private:
  struct Matrix {
    DType type;
    const std::byte* rows;
    kernels::Operand operand;
    const float* bias;
  };
  const Matrix& matrix(const Pass& pass) const { return saved_ && pass.adapted ? *saved_ : base_; }

  const kernels::LinearKernels& kernels_;
  TensorView weight_;  // of the file, for its name, shape and type
  std::vector<float> bias_;
  Matrix base_;
  std::optional<Matrix> saved_;
  const LowRank* low_rank_;
};

// Makes rows [0, n) of x, `stride` floats apart, the input of these Linears: this thread's rows
// `own` now, all of them when it returns. Every thread calls it. The pass's observer sees the rows.
void read_input(const Worker& w, std::initializer_list<const Linear*> linears, base::Range own,
                MatrixView<const float> x);

}  // namespace nalar::engine
