#pragma once

#include <nalar/model.h>

#include <vector>

#include "nn/block.h"
#include "nn/builder.h"
#include "nn/rope_tables.h"

namespace nalar::nn {

inline constexpr int64_t kLogits = int64_t{16} << 20;  // made at a time

// The parts of the transformer in the order of a walk, written once over Ops: with gradients
// (Transformer) or without (Decoder).
struct Network {
  // `model`, `ropes` and the builder's operators and parameters must outlive it.
  Network(const Model& model, const RopeTables& ropes, Builder& builder);

  Embedding embedding;
  std::vector<Block> blocks;
  Norm final_norm;
  Linear head;

  int64_t d_model() const { return head.in(); }
  // Memory for walks of up to `rows` rows; with what a backward pass uses, or without.
  Scratch take_scratch(Arena& arena, const Ops& ops, int64_t rows, bool gradients) const;
  // What each block keeps; `in_turn`: of one block at a time, so that those of one size share it.
  std::vector<Block::Kept> take_kept(Arena& arena, const Ops& ops, int64_t rows,
                                     bool in_turn) const;
};

}  // namespace nalar::nn
