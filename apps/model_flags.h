#pragma once

#include <nalar/adapter.h>
#include <nalar/engine.h>

#include "option_set.h"

namespace nalar::apps {

// Which model, and what it runs on.
struct ModelFlags {
  std::optional<std::string> path;
  std::vector<std::string> adapters;  // DIR or DIR:SCALE
  bool allow_symlinks = false;
  bool keep_unknown_tensors = false;
  bool dry_run = false;
  std::optional<int> n_ctx;
  std::optional<int> threads;
  std::string compute = "auto";
  std::optional<std::string> device;
};

void declare_model_flags(OptionSet& options, ModelFlags& flags);
// --threads and --device; then --compute too.
void declare_machine_flags(OptionSet& options, ModelFlags& flags);
void declare_device_flags(OptionSet& options, ModelFlags& flags);

// --allow-symlinks and --keep-unknown-tensors, of what makes another file of a model.
void declare_source_flags(OptionSet& options, ModelFlags& flags);

// Errors: usage when MODEL is missing; those of open_model.
std::shared_ptr<const Model> open_model(const ModelFlags& flags);
// "DIR:SCALE", or a folder with such a name. Errors: usage for a scale that is no number.
struct AdapterFlag {
  std::string folder;
  float scale = 1;
};
AdapterFlag parse_adapter(const std::string& text);
// With the adapters; one for another base is a notice. Errors: usage, when the model cannot have
// that context; those of open_adapter.
EngineOptions engine_options(const ModelFlags& flags, const Model& model);
// Errors: usage.
Device device(const ModelFlags& flags);

// "SmolLM2 135M Instruct", or the path of a model without a name.
std::string title(const Model& model);
// "SmolLM2 135M Instruct: llama, 134.5 M parameters, 91.7 MB of weights, context 8192"
std::string describe(const Model& model);
// "adapter my-style: 4.9 M parameters, scale 0.5"
std::string describe(const AdapterUse& use);

}  // namespace nalar::apps
