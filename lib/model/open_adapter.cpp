#include <fmt/format.h>
#include <nalar/adapter.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "io/content_kind.h"
#include "io/folder_file.h"
#include "model/fingerprint.h"
#include "model/lora_gguf.h"
#include "model/lora_peft.h"
#include "model/run_file.h"

namespace nalar {
namespace {

// The names in the folder, which must look like an adapter's.
std::vector<std::string> names_in(io::FileSystem& files, const std::string& path) {
  const io::PathKind kind = files.kind(path);
  if (kind == io::PathKind::missing) throw Error(ErrorKind::no_input, "no such folder");
  if (io::has_pickle_suffix(path)) io::refuse_pickle();
  if (kind != io::PathKind::directory) {
    throw Error(ErrorKind::no_input,
                fmt::format("not a folder: an adapter is a folder with {} and {}, or a GGUF file",
                            model::kPeftConfigName, model::kPeftWeightsName));
  }
  std::vector<std::string> names = files.list(path);
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!has(model::kPeftWeightsName) &&
      std::any_of(names.begin(), names.end(), io::has_pickle_suffix)) {
    io::refuse_pickle();
  }
  for (const char* name : {model::kPeftConfigName, model::kPeftWeightsName}) {
    if (has(name)) continue;
    throw Error(ErrorKind::no_input, fmt::format("no adapter in this folder: {} is missing", name));
  }
  return names;
}

bool is_gguf(io::FileSystem& files, const std::string& path) {
  if (files.kind(path) != io::PathKind::file) return false;
  return io::content_kind(io::map_given(files, path)->text()) == io::ContentKind::gguf;
}

std::shared_ptr<const Adapter> open_gguf(io::FileSystem& files, const std::string& path,
                                         const Model& base) {
  const auto file = io::map_given(files, path);
  return io::in_file(path, [&] {
    return std::make_shared<Adapter>(path,
                                     model::bind_gguf_adapter(io::parse_gguf(file->bytes()), base));
  });
}

std::string notice_for(const model::RunFile& run, const Model& base) {
  if (run.base_fingerprint.empty() || run.base_fingerprint == model::fingerprint(base)) return "";
  return fmt::format("was trained on another base{}: {}'s weights differ from those that {} names",
                     run.base_name.empty() ? "" : " (" + base::escaped(run.base_name, 80) + ")",
                     io::name_of(base.files().path()), model::kRunFileName);
}

}  // namespace

Adapter::Adapter(std::string path, model::LoraAdapter lora)
    : path_(std::move(path)), lora_(std::make_unique<model::LoraAdapter>(std::move(lora))) {}

Adapter::~Adapter() = default;

int64_t Adapter::n_parameters() const {
  size_t n = 0;
  for (const model::LoraModule& module : lora_->modules) n += module.a.size() + module.b.size();
  for (const model::SavedTensor& tensor : lora_->saved) n += tensor.values.size();
  return static_cast<int64_t>(n);
}

std::shared_ptr<const Adapter> open_adapter(const std::string& path, const Model& base) {
  io::FileSystem& files = io::file_system();
  if (is_gguf(files, path)) return open_gguf(files, path, base);
  const std::vector<std::string> names = io::in_file(path, [&] { return names_in(files, path); });

  const auto config_file = io::map_in_folder(files, path, model::kPeftConfigName, {});
  const auto config = io::in_file(io::join(path, model::kPeftConfigName),
                                  [&] { return model::parse_peft_config(config_file->text()); });
  const auto weights_file = io::map_in_folder(files, path, model::kPeftWeightsName, {});
  auto adapter = io::in_file(io::join(path, model::kPeftWeightsName), [&] {
    const io::SafetensorsFile weights = io::parse_safetensors(weights_file->bytes());
    return std::make_shared<Adapter>(path, model::bind_peft(config, weights, base));
  });
  if (std::find(names.begin(), names.end(), model::kRunFileName) != names.end()) {
    const auto run_file = io::map_in_folder(files, path, model::kRunFileName, {});
    io::in_file(io::join(path, model::kRunFileName), [&] {
      const model::RunFile run = model::parse_run_file(run_file->text(), base.config().vocab_size);
      adapter->end_tokens_ = run.end_tokens;
      adapter->base_notice_ = notice_for(run, base);
    });
  }
  return adapter;
}

}  // namespace nalar
