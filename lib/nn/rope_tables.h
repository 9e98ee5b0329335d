#pragma once

#include <nalar/model_config.h>

#include <deque>
#include <vector>

#include "nn/ops.h"

namespace nalar::nn {

// The tables of a model's ropes, each made once, for positions [0, n).
class RopeTables {
 public:
  RopeTables(const ModelConfig& config, const Ops& ops, int64_t n);

  // nullptr where the layer has no rope.
  const RopeTable* of_layer(int layer) const { return of_layer_[static_cast<size_t>(layer)]; }

 private:
  std::deque<RopeTable> tables_;
  std::vector<const RopeTable*> of_layer_;
};

}  // namespace nalar::nn
