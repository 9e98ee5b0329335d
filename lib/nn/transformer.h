#pragma once

#include <nalar/model.h>

#include <optional>
#include <vector>

#include "nn/network.h"

namespace nalar::nn {

// The transformer with gradients.
class Transformer {
 public:
  // `model`, `ops` and the builder's parameters must outlive it.
  Transformer(const Model& model, const train::TrainableOptions& options, const Ops& ops,
              Builder builder);
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;

  // Takes the memory of batches of up to `rows` rows, or counts it; once, before all else.
  void take(Arena& arena, int64_t rows, bool recompute);
  int64_t rows() const { return rows_; }

  // Σ -log p(label) over the learned rows.
  double loss(const train::Batch& batch);
  // The same, and gradients += weight · its own.
  struct Gradient {
    double weight = 1;
    uint64_t update = 0;
  };
  double add_gradients(const train::Batch& batch, const Gradient& gradient);

  int64_t weight_bytes() const { return weight_bytes_; }

 private:
  // The rows of a batch, spelled out.
  struct Rows {
    explicit Rows(const train::Batch& batch);
    std::vector<int64_t> keys;
    std::vector<int32_t> positions;
    std::vector<int64_t> learned_keys;
    std::vector<int32_t> learned_positions;
  };

  at::Tensor residual(size_t i, int64_t n) const { return residual_[i].matrix(n, d_model_); }
  bool trained_below(size_t layer) const;

  void forward(const Pass& pass, const train::Batch& batch) const;
  // The loss; with a weight dx [T, D] becomes the gradient of the last block's output.
  double head(const Pass& pass, const train::Batch& batch, const Rows& rows, double weight) const;
  void backward(const Pass& pass, const train::Batch& batch) const;

  const ModelConfig& config_;
  const Ops& ops_;
  uint64_t seed_;
  int64_t d_model_;

  RopeTables ropes_;
  Network network_;
  int64_t weight_bytes_;

  int64_t rows_ = 0, logit_rows_ = 0;
  bool recompute_ = false;
  std::vector<Buffer> residual_;  // the input of each block, then the last one's output
  // What each block keeps; where it is computed again, blocks of one size share it.
  std::vector<Block::Kept> kept_;
  Scratch scratch_;
  Buffer dx_, learned_, d_learned_;  // [T, D]
  Buffer logits_, head_lora_;        // [C, V] [C, R]: some learned rows at a time
};

}  // namespace nalar::nn
