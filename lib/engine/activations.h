#pragma once

#include <nalar/model_config.h>

#include <array>
#include <vector>

#include "base/aligned_buffer.h"
#include "engine/kernel_set.h"

namespace nalar::engine {

// Widths of the widest layer: what a row of each buffer must hold.
struct Widths {
  // `largest_rank` of the adapters; 0: there are none.
  explicit Widths(const ModelConfig& config, int64_t largest_rank = 0);

  int64_t model;       // D
  int64_t q = 0;       // N * H
  int64_t kv = 0;      // K * H
  int64_t hidden = 0;  // F
  int64_t input = 0;   // of any Linear
  int64_t rank;
  int64_t head_dim = 0;
  int64_t rope_dim = 0;
  int64_t n_ropes = 0;
};

// Memory of a pass of up to `rows` tokens on `threads` threads: one arena, taken once.
class Activations {
 public:
  // Buffers for work on whole rows.
  struct Rows {
    float* x = nullptr;  // [T, D] the residual
    float* h = nullptr;  // [T, D] the normed residual
    // What the next Linears read, as LinearKernels::load_activations made it.
    std::byte* int8_input = nullptr;
    std::byte* fp32_input = nullptr;
    // [T, R] of the Linears that share an input, A x of each as load_activations made it.
    std::array<std::byte*, 3> low_input = {};
  };
  // Of one thread.
  struct Scratch {
    std::byte* linear = nullptr;
    float* up = nullptr;  // kUpFloats, or a row of d_ff where that is more
    int64_t up_floats = 0;
    float* attention = nullptr;  // for kAttentionRows rows
    float* low = nullptr;        // [tile, R]
    std::byte* low_x = nullptr;  // a tile of any Linear's input as load_activations makes it
  };
  static constexpr int kAttentionRows = 48;

  Activations(const Widths& widths, const KernelSet& kernels, int64_t rows, int threads);

  int64_t tile() const { return tile_; }
  size_t bytes() const { return arena_.size(); }
  const Widths& widths() const { return widths_; }

  const Rows& shared_rows() const { return shared_; }
  const Rows& own_rows(int thread) const { return own_[static_cast<size_t>(thread)]; }
  const Scratch& scratch(int thread) const { return scratch_[static_cast<size_t>(thread)]; }

  float* q = nullptr;         // [T, N * H]
  float* k = nullptr;         // [T, K * H]
  float* v = nullptr;         // [T, K * H]
  float* attended = nullptr;  // [T, N * H]
  float* branch = nullptr;    // [T, D] what a block adds to the residual
  float* hidden = nullptr;    // [T, F]
  // cos, then sin, of row t and rope i: 2 * [rope_dim / 2].
  float* rope(int i, int64_t row) const {
    return ropes_ + (i * capacity_ + row) * widths_.rope_dim;
  }

 private:
  // Hands out the parts of the arena at `base`, or counts its bytes with none.
  size_t lay_out(const KernelSet& kernels, std::byte* base);

  Widths widths_;
  int64_t capacity_;
  int64_t tile_;
  Rows shared_;
  std::vector<Rows> own_;
  std::vector<Scratch> scratch_;
  float* ropes_ = nullptr;
  base::AlignedBuffer arena_;
};

}  // namespace nalar::engine
