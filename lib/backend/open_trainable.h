#pragma once

#include <nalar/model.h>

#include <memory>

#include "train/trainable_model.h"

namespace nalar::backend {

// A model with gradients, by LibTorch's module on the device of the options. Errors: config, with
// what to do as the hint, where the module or the device is not there; usage for options that do
// not fit; os when memory is short.
std::unique_ptr<train::TrainableModel> open_trainable(std::shared_ptr<const Model> model,
                                                      const train::TrainableOptions& options);

// What that would take. Loads no weights.
train::TrainingMemory plan_training(const Model& model, const train::TrainableOptions& options);

}  // namespace nalar::backend
