#include <nalar/inspect.h>

#include <algorithm>
#include <limits>

#include "inspect/report_parts.h"
#include "io/content_kind.h"
#include "io/folder_file.h"
#include "io/tensor_index.h"
#include "io/weight_files.h"
#include "model/lora_peft.h"
#include "model/run_file.h"

namespace nalar {
namespace {

namespace parts = inspect_parts;

Json texts(const std::vector<std::string>& list) { return Json::Array(list.begin(), list.end()); }

// The values of a pattern key, as they are in the file.
void add_patterns(const Json& config, const char* key, Json& out) {
  const Json* patterns = config.find(key);
  if (patterns != nullptr && patterns->is_object() && !patterns->as_object().empty()) {
    out.set(key, to_text(*patterns));
  }
}

Json settings(std::string_view text) {
  const model::PeftConfig config = model::parse_peft_config(text);
  const Json json = parse_json(text);
  Json out = Json::Object{{"rank", config.lora.rank},
                          {"alpha", config.lora.alpha},
                          {"scale", config.lora.scale()},
                          {"rslora", config.lora.rslora}};
  const Json* targets = json.find("target_modules");
  out.set("targets", *targets);
  add_patterns(json, "rank_pattern", out);
  add_patterns(json, "alpha_pattern", out);
  if (!config.modules_to_save.empty()) out.set("saved", texts(config.modules_to_save));
  if (!config.base_name.empty()) out.set("base", config.base_name);
  return out;
}

void add_run(std::string_view text, Json& out) {
  const model::RunFile run = model::parse_run_file(text, std::numeric_limits<TokenId>::max());
  if (!run.base_name.empty()) out.set("base", run.base_name);
  if (!run.base_fingerprint.empty()) out.set("base_fingerprint", run.base_fingerprint);
  if (!run.end_tokens.empty()) {
    out.set("end_tokens", Json::Array(run.end_tokens.begin(), run.end_tokens.end()));
  }
}

}  // namespace

bool is_adapter(const std::string& path) {
  io::FileSystem& files = io::file_system();
  if (files.kind(path) != io::PathKind::directory) return false;
  const std::vector<std::string> names = files.list(path);
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return has(model::kPeftConfigName) && !has(io::kSafetensorsName) &&
         !has(io::kSafetensorsIndexName);
}

Json inspect_adapter(const std::string& path, const InspectOptions& options) {
  io::FileSystem& files = io::file_system();
  const std::string config_path = io::join(path, model::kPeftConfigName);
  const auto config_file = io::map_in_folder(files, path, model::kPeftConfigName, {});
  Json adapter = io::in_file(config_path, [&] { return settings(config_file->text()); });

  const std::string weights_path = io::join(path, model::kPeftWeightsName);
  if (files.kind(weights_path) == io::PathKind::missing) {
    const std::vector<std::string> names = files.list(path);
    if (std::any_of(names.begin(), names.end(), io::has_pickle_suffix)) {
      io::in_file(path, [] { io::refuse_pickle(); });
    }
  }
  const auto weights_file = io::map_in_folder(files, path, model::kPeftWeightsName, {});
  io::SafetensorsFile weights =
      io::in_file(weights_path, [&] { return io::parse_safetensors(weights_file->bytes()); });
  io::TensorIndex tensors;
  int64_t parameters = 0, bytes = 0;
  for (const TensorView& tensor : weights.tensors) {
    parameters += tensor.elements();
    bytes += static_cast<int64_t>(tensor.bytes.size());
    tensors.add(tensor);
  }
  if (files.kind(io::join(path, model::kRunFileName)) == io::PathKind::file) {
    const auto run_file = io::map_in_folder(files, path, model::kRunFileName, {});
    io::in_file(io::join(path, model::kRunFileName), [&] { add_run(run_file->text(), adapter); });
  }

  Json report = Json::Object{{"path", path},
                             {"format", "PEFT adapter"},
                             {"parameters", parameters},
                             {"weight_bytes", bytes},
                             {"types", parts::types(tensors)},
                             {"files", parts::weight_files({weights_path}, options.hashes)},
                             {"adapter", std::move(adapter)}};
  if (parameters > 0) {
    report.set("bits_per_weight",
               8.0 * static_cast<double>(bytes) / static_cast<double>(parameters));
  }
  if (options.tensors) report.set("tensors", parts::tensor_list(tensors));
  if (options.verify) report.set("verified", parts::verify(path));
  return report;
}

}  // namespace nalar
