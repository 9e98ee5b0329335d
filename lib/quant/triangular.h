#pragma once

#include <nalar/tensor.h>

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "kernels/train_kernels.h"

namespace nalar::quant {

// n cut into blocks as deep as a product's.
class Blocks {
 public:
  static constexpr int64_t kSize = kernels::kProductDepth;
  explicit Blocks(int64_t n) : n_(n) {}
  int64_t count() const { return (n_ + kSize - 1) / kSize; }
  int64_t begin(int64_t i) const { return i * kSize; }
  int64_t size(int64_t i) const { return n_ - begin(i) < kSize ? n_ - begin(i) : kSize; }

 private:
  int64_t n_;
};

// Threads that make products of tiles.
class Products {
 public:
  class Thread {
   public:
    // `scratch` is this thread's.
    void product(kernels::ProductCall call);
    // Of operands rounded to bf16, where the instruction set has products of them.
    void fast_product(kernels::ProductCall call);

   private:
    std::byte* scratch(size_t needed);

    base::AlignedBuffer scratch_;
  };

  explicit Products(int threads) : pool_(threads), of_(static_cast<size_t>(threads)) {
    of_.resize(static_cast<size_t>(pool_.size()));
  }

  // Memory for this many floats, until it is asked for again.
  float* room(int64_t floats);
  // f(i, thread) for i in [0, n), each on some thread.
  template <typename F>
  void each(int64_t n, F f) {
    pool_.run([&](int t) {
      for (int64_t i = t; i < n; i += pool_.size()) f(i, of_[static_cast<size_t>(t)]);
    });
  }
  // f(i, j, thread) for 0 ≤ i ≤ j < n.
  template <typename F>
  void tiles(int64_t n, F f) {
    each(n * (n + 1) / 2, [&](int64_t at, Thread& thread) {
      int64_t i = 0;
      for (int64_t row = n; at >= row; --row, ++i) at -= row;
      f(i, i + at, thread);
    });
  }

 private:
  base::ThreadPool pool_;
  std::vector<Thread> of_;
  base::AlignedBuffer room_;
};

// U upper triangular with U^T U = (scale · A + λ I)^-1, in place, from the blocks of a symmetric A
// on and above the diagonal: with the Cholesky factor that starts at the last column, R R^T = A
// with R upper triangular, U is R^-1, so that A is never inverted. The triangle below keeps A, and
// run() can be repeated.
class InverseFactor {
 public:
  InverseFactor(MatrixView<float> a, int threads);
  // False where A + λ I is not positive definite.
  bool run(double scale, double lambda);

 private:
  float* block(int64_t i, int64_t j) const { return a_.row(blocks_.begin(i)) + blocks_.begin(j); }
  void restore(double scale, double lambda);
  bool cholesky();
  void invert();

  MatrixView<float> a_;
  Blocks blocks_;
  Products products_;
  std::vector<float> diagonal_;  // the blocks on the diagonal, one after the other
  std::vector<float> panel_;     // a column of blocks
};

// y = v U^-1 in place for rows v [R, n], U upper triangular: |y|² = v (U^T U)^-1 v^T.
void solve(MatrixView<const float> u, MatrixView<float> rows, Products::Thread& thread);

}  // namespace nalar::quant
