#include <nalar/finetune.h>
#include <nalar/version.h>

#include "backend/open_trainable.h"
#include "train/finetune_run.h"

namespace nalar {
namespace {

train::TrainingBackend torch_backend(const std::shared_ptr<const Model>& model) {
  return {.open =
              [model](const train::TrainableOptions& options) {
                return backend::open_trainable(model, options);
              },
          .plan =
              [model](const train::TrainableOptions& options) {
                return backend::plan_training(*model, options);
              },
          .torch_version = torch_info().version};
}

}  // namespace

FinetuneResult finetune(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                        const FinetuneProgress& progress) {
  return train::run_finetune(model, options, torch_backend(model), progress);
}

FinetunePlan plan_finetune(std::shared_ptr<const Model> model, const FinetuneOptions& options) {
  return train::plan_run(model, options, torch_backend(model));
}

}  // namespace nalar
