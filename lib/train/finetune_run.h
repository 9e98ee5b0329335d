#pragma once

#include <nalar/finetune.h>

#include <functional>
#include <memory>
#include <string>

#include "io/file_system.h"
#include "train/trainable_model.h"
#include "train/trained_weights.h"

namespace nalar::train {

// What a training takes from outside: the model with gradients, which needs LibTorch, and the disk.
struct TrainingBackend {
  std::function<std::unique_ptr<TrainableModel>(const TrainableOptions&)> open;
  // What open() would need, and the speed of its products; loads nothing.
  std::function<TrainingMemory(const TrainableOptions&)> plan;
  // All weights of a base that is a GGUF file, as a Hugging Face folder: its files, into a folder
  // that is there.
  std::function<void(const std::string& folder, const TrainedValues&)> write_folder;
  std::string torch_version;
  io::FileSystem& files = io::file_system();
};

// nalar::finetune and nalar::plan_finetune over a backend.
FinetuneResult run_finetune(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                            const TrainingBackend& backend, const FinetuneProgress& progress);
FinetunePlan plan_run(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                      const TrainingBackend& backend);

}  // namespace nalar::train
