#pragma once

#include "nn/network.h"

namespace nalar::nn {

// The transformer without gradients: rows of sequences whose keys and values are kept.
class Decoder {
 public:
  struct Parts {
    const Model& model;
    const Ops& ops;
    const RopeTables& ropes;  // of every position
    int64_t rows;             // the largest walk
  };

  // `adapter` stands on the base; one without modules leaves it as it is. Takes memory from the
  // arena. What the parts name must outlive it.
  Decoder(const Parts& parts, model::LoraAdapter adapter, Arena& arena);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // One or more sequences, each with its rows one after the other.
  struct Rows {
    std::vector<TokenId> ids;        // [T]
    std::vector<int32_t> documents;  // first row of each sequence, then T
    std::vector<int32_t> positions;  // [T]
    std::span<const int32_t> logit_rows;
  };
  // Of a layer, a cache for each sequence.
  using Caches = std::function<std::vector<KeyValues>(size_t layer)>;

  // The rows' keys and values are stored, and the logits of logit_rows made.
  void forward(const Rows& rows, const Caches& caches, LinearObserver* observer,
               const MatrixView<float>& logits) const;

  int64_t weight_bytes() const { return weight_bytes_; }

 private:
  Network make_network(const Parts& parts, model::LoraAdapter adapter);
  void make_logits(const Pass& pass, const at::Tensor& x, std::span<const int32_t> rows,
                   const MatrixView<float>& logits) const;

  const ModelConfig& config_;
  const Ops& ops_;
  Parameters parameters_;  // of the adapter
  int64_t weight_bytes_ = 0;
  Network network_;
  Scratch scratch_;
  std::vector<Block::Kept> kept_;
  int64_t logit_rows_;                  // made at a time: C
  Buffer residual_;                     // [T, D]
  Buffer wanted_, logits_, head_lora_;  // [C, D] [C, V] [C, R]
};

}  // namespace nalar::nn
