#pragma once

#include <nalar/model.h>

#include <memory>

#include "nn/ops.h"
#include "train/trainable_model.h"

namespace nalar::nn {

// Errors: usage for options or an adapter that do not fit the model; config where the device is not
// there; os when memory is short.
std::unique_ptr<train::TrainableModel> make_trainable(std::shared_ptr<const Model> model,
                                                      const train::TrainableOptions& options);
// The same over these operators.
std::unique_ptr<train::TrainableModel> make_trainable(std::shared_ptr<const Model> model,
                                                      const train::TrainableOptions& options,
                                                      std::unique_ptr<Ops> ops);
// What make_trainable would take. Loads nothing.
train::TrainingMemory plan_training(const Model& model, const train::TrainableOptions& options);

}  // namespace nalar::nn
