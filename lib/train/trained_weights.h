#pragma once

#include <nalar/model.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "io/file_system.h"
#include "model/lora.h"
#include "train/trainable_model.h"

namespace nalar::train {

// The adapter with the values of these parameters in place of its own. Errors: internal where there
// is no parameter for a matrix of it.
model::LoraAdapter with_values(model::LoraAdapter adapter, std::span<const Parameter> parameters);

// Parameters that training an adapter, or all weights, has.
int64_t count_parameters(const model::LoraAdapter& adapter);

// adapter_config.json and adapter_model.safetensors, into a folder that is there; each file is
// replaced whole, the old ones stay when anything fails. Errors: cannot_create, io.
void write_adapter(io::FileSystem& files, const std::string& folder,
                   const model::LoraAdapter& adapter, const Model& base);

// Values of a tensor in the order of the base's rows; empty for one that was not trained. Borrows
// from the parameters.
using TrainedValues = std::function<std::span<const float>(model::TensorName)>;
TrainedValues trained_values(std::span<const Parameter> parameters);

// model.safetensors: the tensors of the base's files by their names, in their types, with the
// values of the parameters; those that are no parameter as they are. REQUIRES a base that is a
// Hugging Face folder. Errors: bad_data for a value beyond the type's range; cannot_create, io.
void write_weights(io::FileSystem& files, const std::string& folder, const Model& base,
                   std::span<const Parameter> parameters);

}  // namespace nalar::train
