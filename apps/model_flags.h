#pragma once

#include <nalar/engine.h>

#include "option_set.h"

namespace nalar::apps {

// Which model, and what it runs on.
struct ModelFlags {
  std::optional<std::string> path;
  bool allow_symlinks = false;
  bool dry_run = false;
  std::optional<int> n_ctx;
  std::optional<int> threads;
  std::string compute = "auto";
  std::string device = "auto";
};

void declare_model_flags(OptionSet& options, ModelFlags& flags);
void declare_device_flags(OptionSet& options, ModelFlags& flags);

// Errors: usage when MODEL is missing; those of open_model.
std::shared_ptr<const Model> open_model(const ModelFlags& flags);
// Errors: usage, when the model cannot have that context.
EngineOptions engine_options(const ModelFlags& flags, const Model& model);
Device device(const ModelFlags& flags);

// "SmolLM2 135M Instruct: llama, 134.5 M parameters, 91.7 MB, context 8192", for -v and the head of
// a chat.
std::string describe(const Model& model);

}  // namespace nalar::apps
