#pragma once

#include <optional>

#include "engine/kv_cache.h"
#include "engine/linear.h"
#include "engine/norm.h"
#include "engine/ropes.h"

namespace nalar::engine {

// What the parts of a model are made from.
struct Parts {
  const KernelSet& kernels;
  const PackedWeights& packed;
  const KvLayout& kv_layout;
  const Ropes& ropes;
};

// branch = o(softmax(q kᵀ · scale) v) of the normed rows h, over the pages of each row's sequence.
class Attention {
 public:
  Attention(int layer, const AttentionSpec& spec, const LayerWeights& weights, const Parts& parts);

  // Keys and values of the rows h into their pages, and q for attend(). Every thread calls both,
  // one after the other; the pages, then the branch, are complete when they return.
  void store(const Worker& w) const;
  void attend(const Worker& w) const;

 private:
  struct Unit;
  void project(const Worker& w) const;
  void store_rows(const Worker& w, base::Range rows, base::Range q_heads,
                  base::Range kv_heads) const;
  void attend_units(const Worker& w) const;
  void attend_unit(const Worker& w, const Unit& unit) const;

  const int layer_;
  const AttentionSpec spec_;
  const int group_;  // query heads of a kv head
  const kernels::VectorKernels& vector_;
  const KvLayout& layout_;
  Linear q_, k_, v_, o_;
  Norm q_norm_, k_norm_;
  const Rope* rope_;
  int rope_index_;
};

}  // namespace nalar::engine
