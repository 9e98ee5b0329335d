#pragma once

#include <nalar/export.h>
#include <nalar/model.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
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
// computed with; norms and biases are not quantized. Errors: bad_data that names the tensor.
Weights bind_weights(const ModelConfig& config, const io::TensorFile& file,
                     const TensorNaming& naming);

// What the file has besides, without what is known to be harmless: the model may be another one
// than `config` says. Errors: bad_data for a tied head that differs from its embedding.
std::vector<TensorView> unknown_tensors(const ModelConfig& config, const Weights& weights,
                                        const io::TensorFile& file, const TensorNaming& naming);
// For the notice: "kept as they are: 3 tensors that are not known in a llama model: a, b, …", and
// what llama.cpp does of a GGUF file of them. REQUIRES one, as the next.
std::string describe_kept(const std::vector<TensorView>& unknown, std::string_view family,
                          bool in_gguf);
// Throws bad_data that names the first one.
[[noreturn]] void refuse_unknown(const std::vector<TensorView>& unknown, std::string_view family);

}  // namespace nalar::model
