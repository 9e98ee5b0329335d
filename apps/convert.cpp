#include "convert.h"

#include <fmt/format.h>
#include <nalar/engine.h>
#include <nalar/error.h>
#include <nalar/log.h>
#include <unistd.h>

#include "parse_size.h"
#include "stop_signals.h"
#include "terminal.h"

namespace nalar::apps {
namespace {

std::optional<DType> dtype_of(const std::string& word) {
  if (word == "f32") return DType::f32;
  if (word == "f16") return DType::f16;
  if (word == "bf16") return DType::bf16;
  return std::nullopt;
}

Json::Array texts(const std::vector<std::string>& list) { return {list.begin(), list.end()}; }

Json result_json(const ConvertResult& result) {
  return Json::Object{{"files", texts(result.files)},
                      {"tensors", result.tensors},
                      {"bytes", result.bytes},
                      {"left_out", texts(result.left_out)},
                      {"kept", texts(result.kept)}};
}

}  // namespace

const char* ConvertCommand::notes() const {
  return "OUT that ends in .gguf becomes a GGUF file that llama.cpp opens too; any other is a new "
         "folder that transformers loads. A quantized MODEL becomes a folder in F16 (gemma3: BF16, "
         "since its activations leave the range of F16).\n"
         "With --to peft or gguf-adapter it is the one --adapter that gets another form, and MODEL "
         "is its base. What the other form has no place for is named.";
}

void ConvertCommand::declare(OptionSet& options) {
  options.positional("MODEL", model_.path, "a .gguf file, or a folder as Hugging Face lays it out");
  options.positional("OUT", out_, "the file or folder to make");
  options.group("Form");
  options.choice({"--to", "FORM",
                  "gguf; hf: a folder; peft or gguf-adapter: the adapter as a PEFT folder or as "
                  "llama.cpp's file; auto: by OUT [auto]"},
                 to_, {"auto", "gguf", "hf", "peft", "gguf-adapter"});
  options.choice({"--dtype", "TYPE", "f32, f16 or bf16; auto: as MODEL has it [auto]"}, dtype_,
                 {"auto", "f32", "f16", "bf16"});
  options.text({"--split-size", "SIZE", "several files, each of at most SIZE of tensors: 2GiB, 500MB"}, split_size_);
  options.group("Adapters");
  options.texts({"--adapter", "PATH[:SCALE]",
                 "merge this LoRA adapter (a PEFT folder, or llama.cpp's GGUF), its part "
                 "multiplied by SCALE [1]; repeatable"},
                model_.adapters);
  options.flag({"--allow-requantize", "",
                "merge into quantized weights and quantize them anew, which loses as much again as "
                "quantizing did"},
               allow_requantize_);
  options.group("Machine");
  options.number(
      {"-t,--threads", "N", "threads (default: the physical cores this process may use)"},
      model_.threads, {1, 1024});
  declare_source_flags(options, model_);
}

ConvertTarget ConvertCommand::target() const {
  if (to_ == "gguf") return ConvertTarget::gguf;
  if (to_ == "hf") return ConvertTarget::hf;
  if (to_ == "peft") return ConvertTarget::peft;
  if (to_ == "gguf-adapter") return ConvertTarget::gguf_adapter;
  return out_->ends_with(".gguf") ? ConvertTarget::gguf : ConvertTarget::hf;
}

ConvertOptions ConvertCommand::convert_options(const Model& model) const {
  ConvertOptions options;
  options.to = target();
  options.dtype = dtype_of(dtype_);
  if (split_size_) options.split_bytes = parse_size("--split-size", *split_size_);
  options.allow_requantize = allow_requantize_;
  options.threads = model_.threads.value_or(default_threads());
  options.adapters = engine_options(model_, model).adapters;
  return options;
}

ConvertResult ConvertCommand::convert(std::shared_ptr<const Model> model,
                                      const Messages& log) const {
  const ConvertOptions options = convert_options(*model);
  if (options.to == ConvertTarget::peft || options.to == ConvertTarget::gguf_adapter) {
    if (options.adapters.size() != 1 || options.adapters.front().scale != 1) {
      throw Error(ErrorKind::usage,
                  fmt::format("--to {} needs one --adapter, without a scale", to_));
    }
    return convert_adapter(*options.adapters.front().adapter, *model, *out_, options);
  }
  const StopSignals stop;
  const bool over = can_overwrite(STDERR_FILENO) && !log.quiet;
  const size_t columns = static_cast<size_t>(terminal_columns(STDERR_FILENO));
  ConvertControl control;
  control.on_event = [&](const ConvertEvent& event) {
    if (over) {
      const std::string line = fmt::format("{}/{} {}", event.done, event.total, event.what);
      Messages::status(line.substr(0, columns - 1));
    }
    return !stop.asked();
  };
  ConvertResult result = convert_model(std::move(model), *out_, options, control);
  if (over) Messages::status("");
  return result;
}

void ConvertCommand::run(const OptionSet& /*options*/, Streams& streams) {
  if (model_.path && !out_)
    throw Error(ErrorKind::usage, "OUT is missing: a file or folder to make");
  const ConvertResult result = convert(open_model(model_), streams.log);
  if (common.json) return streams.out.write(to_text(result_json(result)) + "\n");
  streams.out.write(fmt::format("{}: {} tensors, {:.1f} MB in {} file{}\n", *out_, result.tensors,
                                static_cast<double>(result.bytes) / 1e6, result.files.size(),
                                result.files.size() == 1 ? "" : "s"));
}

}  // namespace nalar::apps
