#pragma once

#include "nn/pass.h"

namespace nalar::nn {

// Root mean square norm, or none: then it passes its input on.
class Norm {
 public:
  Norm() = default;
  // `weight` without a gradient is frozen.
  Norm(const NormSpec& spec, Trained weight) : spec_(spec), weight_(std::move(weight)) {}

  bool none() const { return !weight_.value.defined(); }
  bool trained() const { return weight_.gradient.defined(); }

  // norm(x) in `buffer`, as the work type; x itself where nothing needs to be done.
  at::Tensor forward(const Pass& pass, const at::Tensor& x, const at::Tensor& buffer) const {
    if (none()) return pass.ops.to_work(x, buffer);
    pass.ops.rms_norm(buffer, x, scale(), spec_.eps);
    return buffer;
  }
  // dx = or +=
  void backward(const Pass& pass, const at::Tensor& dx, const at::Tensor& dy, const at::Tensor& x,
                bool accumulate) const {
    if (none()) {
      accumulate ? pass.ops.add(dx, dx, dy) : static_cast<void>(dx.copy_(dy));
    } else {
      pass.ops.rms_norm_backward({dx, accumulate, weight_.gradient}, dy, x, scale(), spec_.eps);
    }
  }

 private:
  at::Tensor scale() const {
    return spec_.weight_offset == 0 ? weight_.value
                                    : weight_.value.add(static_cast<double>(spec_.weight_offset));
  }

  NormSpec spec_;
  Trained weight_;
};

}  // namespace nalar::nn
