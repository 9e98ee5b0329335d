#include "engine/norm.h"

namespace nalar::engine {

std::vector<float> to_fp32(const TensorView& tensor) {
  const auto& scalar = kernels::linear_kernels(kernels::Isa::scalar);  // reads the rows of files
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    scalar.dequantize_row(tensor.dtype, tensor.bytes.data(), tensor.rows(), tensor.columns(), r,
                          values.data() + r * tensor.columns());
  }
  return values;
}

Norm::Norm(const std::optional<NormSpec>& spec, const TensorView& weight, const KernelSet& kernels)
    : rms_norm_(kernels.vector.rms_norm) {
  if (!spec) return;
  eps_ = spec->eps;
  weight_ = to_fp32(weight);
  for (float& w : weight_) w += spec->weight_offset;
}

}  // namespace nalar::engine
