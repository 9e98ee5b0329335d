#pragma once

#include <nalar/export.h>
#include <nalar/model.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "io/tensor_file.h"
#include "model/tensor_names.h"

namespace nalar::model {

// A tensor that a config calls for: what it is, its shape and where its view belongs.
struct TensorSlot {
  TensorName tensor;
  std::vector<int64_t> shape;
  TensorView* view;
};

// Calls `visit` for every tensor that `config` calls for, in the order of the forward pass; a tied
// head is none. `weights.layers` must have n_layers entries. The one walk over all tensors.
NALAR_MODULE_API void for_each_tensor(const ModelConfig& config, Weights& weights,
                                      const std::function<void(const TensorSlot&)>& visit);

// The views of a file's tensors, all present and of the right shape and of a type that can be
// computed with; norms and biases are not quantized. Errors: bad_data that names the tensor, also
// for one that `config` does not call for and that is not known to be harmless.
Weights bind_weights(const ModelConfig& config, const io::TensorFile& file,
                     const TensorNaming& naming);

}  // namespace nalar::model
