#pragma once

#include "engine/linear.h"

namespace nalar::engine {

// branch = down(activation(gate(h)) * up(h))
class FeedForward {
 public:
  FeedForward(const FeedForwardSpec& spec, const LayerWeights& weights, const PackedWeights& packed,
              const KernelSet& kernels);

  // Every thread calls it; branch is complete when it returns.
  void forward(const Worker& w) const;

 private:
  void gated(const Worker& w) const;

  Linear gate_, up_, down_;
  void (*act_mul_)(const float*, const float*, int64_t, float*);
};

}  // namespace nalar::engine
