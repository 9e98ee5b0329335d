#include "backend/open_trainable.h"

#include <nalar/error.h>

#include "backend/torch_module.h"

namespace nalar::backend {
namespace {

const base::TorchModuleEntry& module_entry() {
  const TorchModule module = open_torch_module();
  if (module.entry == nullptr) {
    throw Error(ErrorKind::config, "training needs LibTorch: " + module.problem, module.hint);
  }
  return *module.entry;
}

}  // namespace

std::unique_ptr<train::TrainableModel> open_trainable(std::shared_ptr<const Model> model,
                                                      const train::TrainableOptions& options) {
  return module_entry().make_trainable(std::move(model), options);
}

train::TrainingMemory plan_training(const Model& model, const train::TrainableOptions& options) {
  return module_entry().plan_training(model, options);
}

}  // namespace nalar::backend
