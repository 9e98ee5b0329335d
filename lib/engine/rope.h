#pragma once

#include <nalar/export.h>

#include <nalar/model_config.h>

#include <vector>

#include "engine/kernel_set.h"
#include "model/rope_frequencies.h"

namespace nalar::engine {

// The different ropes of a model, and which of them each layer has (-1: none).
struct DistinctRopes {
  std::vector<RopeSpec> specs;
  std::vector<int> of_layer;
};
NALAR_MODULE_API DistinctRopes distinct_ropes(const ModelConfig& config);

// Rotary embedding of one RopeSpec. Angles are computed in double and kept in fp32.
class Rope {
 public:
  Rope(const RopeSpec& spec, const KernelSet& kernels);

  // [rope_dim / 2] each, of one position.
  void tabulate(int32_t position, float* cos, float* sin) const;
  // Rotates heads in place.
  void rotate(float* x, int n_heads, int head_dim, const float* cos, const float* sin) const {
    rotate_(x, n_heads, head_dim, rope_dim_, cos, sin);
  }
  int half() const { return rope_dim_ / 2; }

 private:
  int rope_dim_;
  model::RopeFrequencies frequencies_;
  void (*rotate_)(float*, int, int, int, const float*, const float*);
};

}  // namespace nalar::engine
