#pragma once

#include <nalar/model.h>

#include <memory>
#include <string>
#include <vector>

#include "nn/ops.h"
#include "train/trainable_model.h"

namespace nalar::nn::test {

using train::Batch;
using train::TrainableModel;
using train::TrainableOptions;

// Golden models, one of each family and of what only some have (windows, scalings of rope, biases).
std::vector<std::string> families();
std::shared_ptr<const Model> family(const std::string& name);

// Documents of these lengths with random ids; `learned` of four rows are learned.
Batch make_batch(const Model& model, const std::vector<int32_t>& lengths, int learned = 3);
// Document d of a batch as a batch of its own.
Batch document(const Batch& batch, size_t d);

// An adapter whose B is not zero, so that every gradient is there. Targets as LoraConfig has them.
model::LoraAdapter some_adapter(const Model& model, const model::LoraConfig& config);
model::LoraConfig lora_config(double dropout = 0);

enum class Twin { kernels, aten };
std::unique_ptr<TrainableModel> trainable(std::shared_ptr<const Model> model,
                                          const TrainableOptions& options,
                                          Twin twin = Twin::kernels);
TrainableOptions options_for(DType dtype, std::optional<model::LoraAdapter> adapter);

// All gradients, one after the other.
std::vector<float> gradients(TrainableModel& model);
// ‖a - b‖ / ‖b‖
double relative_distance(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace nalar::nn::test
