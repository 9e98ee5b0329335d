#include <fmt/format.h>
#include <nalar/adapter.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "io/content_kind.h"
#include "io/folder_file.h"
#include "model/fingerprint.h"
#include "model/hf_config.h"
#include "model/lora_peft.h"

namespace nalar {
namespace {

constexpr const char* kRunName = "run.json";

// The names in the folder, which must look like an adapter's.
std::vector<std::string> names_in(io::FileSystem& files, const std::string& path) {
  const io::PathKind kind = files.kind(path);
  if (kind == io::PathKind::missing) throw Error(ErrorKind::no_input, "no such folder");
  if (io::has_pickle_suffix(path)) io::refuse_pickle();
  if (kind != io::PathKind::directory) {
    throw Error(ErrorKind::no_input,
                fmt::format("not a folder: an adapter is a folder with {} and {}",
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

// Of the run that made the adapter.
struct RunFile {
  std::vector<TokenId> end_tokens;
  std::string base_name, base_fingerprint;  // or ""
};

RunFile parse_run(std::string_view text, int vocab_size) {
  const Json root = parse_json(text);
  if (!root.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("got {}, need an object", root.kind_name()));
  }
  RunFile run;
  model::HfConfig reader(root);
  if (auto base = reader.object("base")) {
    run.base_name = base->text("name", "");
    run.base_fingerprint = base->text("fingerprint", "");
  }
  const Json* end = root.find("end_tokens");
  const Json* ids = end == nullptr ? nullptr : end->find("ids");
  if (ids == nullptr || ids->is_null()) return run;
  const std::string need = fmt::format("a list of integers in 0..{}", vocab_size - 1);
  if (!ids->is_array()) model::fail_value("end_tokens.ids", to_text(*ids), need);
  for (const Json& id : ids->as_array()) {
    const bool fits =
        id.kind() == Json::Kind::integer && id.as_int64() >= 0 && id.as_int64() < vocab_size;
    if (!fits) model::fail_value("end_tokens.ids", to_text(id), need);
    run.end_tokens.push_back(static_cast<TokenId>(id.as_int64()));
  }
  return run;
}

std::string notice_for(const RunFile& run, const Model& base) {
  if (run.base_fingerprint.empty() || run.base_fingerprint == model::fingerprint(base)) return "";
  return fmt::format("was trained on another base{}: {}'s weights differ from those that {} names",
                     run.base_name.empty() ? "" : " (" + base::escaped(run.base_name, 80) + ")",
                     io::name_of(base.files().path()), kRunName);
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
  const std::vector<std::string> names = io::in_file(path, [&] { return names_in(files, path); });

  const auto config_file = io::map_in_folder(files, path, model::kPeftConfigName, {});
  const auto config = io::in_file(io::join(path, model::kPeftConfigName),
                                  [&] { return model::parse_peft_config(config_file->text()); });
  const auto weights_file = io::map_in_folder(files, path, model::kPeftWeightsName, {});
  auto adapter = io::in_file(io::join(path, model::kPeftWeightsName), [&] {
    const io::SafetensorsFile weights = io::parse_safetensors(weights_file->bytes());
    return std::make_shared<Adapter>(path, model::bind_peft(config, weights, base));
  });
  if (std::find(names.begin(), names.end(), kRunName) != names.end()) {
    const auto run_file = io::map_in_folder(files, path, kRunName, {});
    io::in_file(io::join(path, kRunName), [&] {
      const RunFile run = parse_run(run_file->text(), base.config().vocab_size);
      adapter->end_tokens_ = run.end_tokens;
      adapter->base_notice_ = notice_for(run, base);
    });
  }
  return adapter;
}

}  // namespace nalar
