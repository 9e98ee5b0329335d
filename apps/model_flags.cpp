#include "model_flags.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <filesystem>

namespace nalar::apps {

void declare_model_flags(OptionSet& options, ModelFlags& flags) {
  options.group("Model");
  options.number({"-c,--ctx", "N",
                  "positions of the context (default: what the model was trained for; memory is "
                  "taken as it fills)"},
                 flags.n_ctx, {1});
  options.texts({"--adapter", "PATH[:SCALE]",
                 "a LoRA adapter (a PEFT folder, or llama.cpp's GGUF), its part multiplied by SCALE "
                 "[1]; repeatable"},
                flags.adapters);
  options.flag({"--allow-symlinks", "", "follow links that lead out of the model's folder"},
               flags.allow_symlinks);
  options.flag(
      {"--dry-run", "", "what it would need, against what this machine has; loads nothing"},
      flags.dry_run);
  options.command_line_only();
}

void declare_machine_flags(OptionSet& options, ModelFlags& flags) {
  options.group("Machine");
  options.number(
      {"-t,--threads", "N", "threads (default: the physical cores this process may use)"},
      flags.threads, {1, 1024});
  options.text(
      {"--device", "D", "auto, cpu, cuda or cuda:N (auto: cuda only where it is installed) [auto]"},
      flags.device);
}

void declare_device_flags(OptionSet& options, ModelFlags& flags) {
  declare_machine_flags(options, flags);
  options.choice(
      {"--compute", "C",
       "auto: quantized weights against 8-bit activations; fp32: weights dequantized and "
       "multiplied in fp32"},
      flags.compute, {"auto", "fp32"});
}

void declare_source_flags(OptionSet& options, ModelFlags& flags) {
  options.flag({"--allow-symlinks", "", "follow links that lead out of the model's folder"},
               flags.allow_symlinks);
  options.flag({"--keep-unknown-tensors", "",
                "carry tensors along that a model of this family does not have, as they are"},
               flags.keep_unknown_tensors);
}

std::shared_ptr<const Model> open_model(const ModelFlags& flags) {
  if (!flags.path)
    throw Error(ErrorKind::usage, "MODEL is missing: a .gguf file or a model folder");
  return nalar::open_model(*flags.path, {.allow_symlinks = flags.allow_symlinks,
                                         .keep_unknown_tensors = flags.keep_unknown_tensors});
}

AdapterFlag parse_adapter(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::error_code ignored;
  if (colon == std::string::npos || std::filesystem::exists(text, ignored)) return {text};
  const std::string_view scale = std::string_view(text).substr(colon + 1);
  return {text.substr(0, colon), parse_number<float>("--adapter DIR:SCALE", scale, {-1e6f, 1e6f})};
}

EngineOptions engine_options(const ModelFlags& flags, const Model& model) {
  EngineOptions options;
  options.threads = flags.threads.value_or(0);
  options.n_ctx = flags.n_ctx.value_or(0);
  options.compute = flags.compute == "fp32" ? Compute::fp32 : Compute::automatic;
  const int trained = model.config().n_ctx_train;
  if (options.n_ctx > trained) {
    throw Error(ErrorKind::usage,
                fmt::format("--ctx: got {}, need an integer in 1..{} (what the model "
                            "was trained for)",
                            options.n_ctx, trained));
  }
  for (const std::string& text : flags.adapters) {
    const AdapterFlag flag = parse_adapter(text);
    options.adapters.push_back({open_adapter(flag.folder, model), flag.scale});
    const std::string& problem = options.adapters.back().adapter->base_notice();
    if (!problem.empty()) notice(fmt::format("{}: {}", flag.folder, problem));
  }
  return options;
}

Device device(const ModelFlags& flags) {
  const std::string word = flags.device.value_or("auto");
  if (word == "auto") return Device::automatic;
  if (word == "cpu") return Device::cpu;
  if (word.starts_with("cuda:")) {
    const int n = parse_number<int>("--device cuda:N", word.substr(5), {0, 63});
    if (n != 0) throw Error(ErrorKind::usage, fmt::format("--device cuda:{} is not there yet", n));
    return Device::cuda;
  }
  if (word == "cuda") return Device::cuda;
  throw Error(ErrorKind::usage, fmt::format("--device: got \"{}\", need auto, cpu, cuda or cuda:N",
                                            printable(word, 60)));
}

std::string title(const Model& model) {
  const std::string& name = model.config().name;
  return name.empty() ? model.files().path() : name;
}

std::string describe(const Model& model) {
  const ModelConfig& config = model.config();
  return fmt::format("{}: {}, {:.1f} M parameters, {:.1f} MB of weights, context {}", title(model),
                     config.family, static_cast<double>(model.n_parameters()) / 1e6,
                     static_cast<double>(model.weight_bytes()) / 1e6, config.n_ctx_train);
}

std::string describe(const AdapterUse& use) {
  return fmt::format("adapter {}: {:.1f} M parameters, scale {}", use.adapter->path(),
                     static_cast<double>(use.adapter->n_parameters()) / 1e6, use.scale);
}

}  // namespace nalar::apps
