#pragma once

#include <vector>

#include "engine/pass.h"
#include "engine/rope.h"

namespace nalar::engine {

// The ropes of a model's layers.
class Ropes {
 public:
  Ropes(const ModelConfig& config, const KernelSet& kernels);

  // Which one a layer has, or -1.
  int index(int layer) const { return of_layer_[static_cast<size_t>(layer)]; }
  const Rope& operator[](int index) const { return ropes_[static_cast<size_t>(index)]; }

  // The angles of the positions of all rows into the pass's tables, where they stay until the next
  // call. Every thread calls it; the first barrier of a layer comes before they are read.
  void tabulate(const Worker& w) const;

 private:
  std::vector<Rope> ropes_;
  std::vector<int> of_layer_;
};

}  // namespace nalar::engine
