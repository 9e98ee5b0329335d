#pragma once

#include <nalar/model_config.h>
#include <nalar/tensor.h>

#include <optional>
#include <vector>

#include "engine/kernel_set.h"

namespace nalar::engine {

// A tensor of any weight type as fp32, row by row.
std::vector<float> to_fp32(const TensorView& tensor);

// Root mean square norm, or none: then it passes its input on.
class Norm {
 public:
  Norm(const std::optional<NormSpec>& spec, const TensorView& weight, const KernelSet& kernels);

  bool none() const { return weight_.empty(); }
  // out = norm(x), rows of the weight's width. REQUIRES !none().
  void apply(const float* x, float* out) const {
    rms_norm_(x, weight_.data(), eps_, static_cast<int64_t>(weight_.size()), out);
  }

 private:
  std::vector<float> weight_;  // with the offset in it
  float eps_ = 0;
  void (*rms_norm_)(const float*, const float*, float, int64_t, float*);
};

}  // namespace nalar::engine
