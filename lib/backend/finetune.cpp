#include <nalar/engine.h>
#include <nalar/finetune.h>
#include <nalar/version.h>

#include "backend/open_trainable.h"
#include "convert/hf_form.h"
#include "convert/trained_folder.h"
#include "io/folder_file.h"
#include "train/finetune_run.h"

namespace nalar {
namespace {

train::TrainingBackend torch_backend(const std::shared_ptr<const Model>& model,
                                     const FinetuneOptions& options) {
  const int threads = options.threads > 0 ? options.threads : default_threads();
  // What the result's folder cannot say is told now, not after the training.
  if (options.method == Method::full && model->files().format() == ModelFormat::gguf) {
    io::in_file(model->files().path(), [&] { return convert::hf_form(*model); });
  }
  return {.open =
              [model](const train::TrainableOptions& how) {
                return backend::open_trainable(model, how);
              },
          .plan =
              [model](const train::TrainableOptions& how) {
                return backend::plan_training(*model, how);
              },
          .write_folder =
              [model, threads](const std::string& folder, const train::TrainedValues& values) {
                convert::write_trained_folder(io::file_system(), folder, *model, values, threads);
              },
          .torch_version = torch_info().version};
}

}  // namespace

FinetuneResult finetune(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                        const FinetuneProgress& progress) {
  return train::run_finetune(model, options, torch_backend(model, options), progress);
}

FinetunePlan plan_finetune(std::shared_ptr<const Model> model, const FinetuneOptions& options) {
  return train::plan_run(model, options, torch_backend(model, options));
}

}  // namespace nalar
