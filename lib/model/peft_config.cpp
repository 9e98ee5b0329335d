#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <algorithm>

#include "model/hf_config.h"
#include "model/lora_peft.h"

namespace nalar::model {
namespace {

constexpr IntRange kRankRange{1, kMaxRank};
constexpr NumberRange kDropoutRange{0, 1};
// Of the patterns of a key together: a name for each matrix of the largest models has fewer.
constexpr size_t kMaxSteps = 1 << 16;

// Of training, of other libraries, or the names of code and places, which are never used.
constexpr std::string_view kIgnored[] = {"task_type",
                                         "inference_mode",
                                         "revision",
                                         "auto_mapping",
                                         "peft_version",
                                         "megatron_config",
                                         "megatron_core",
                                         "tokenizer_kwargs",
                                         "layers_pattern",
                                         "exclude_modules",
                                         "loftq_config",
                                         "eva_config",
                                         "corda_config",
                                         "lora_ga_config",
                                         "runtime_config",
                                         "layers_to_transform",
                                         "fan_in_fan_out",
                                         "qalora_group_size",
                                         "enable_lora",
                                         "merge_weights",
                                         "parent_library",
                                         "base_model_class",
                                         "bias"};

// What the base's weights are replaced by before the training begins: the file has only what was
// learned on top.
constexpr std::string_view kPlainStarts[] = {"gaussian", "eva", "orthogonal"};

bool is_off(const Json& value) {
  return value.is_null() || (value.is_bool() && !value.as_bool()) ||
         (value.is_array() && value.as_array().empty()) ||
         (value.is_object() && value.as_object().empty());
}

// "(.*\.)?(KEY)$" is what PEFT matches a module's name with.
ModulePattern ending(const std::string& path, const std::string& key) {
  const ModulePattern alone(path, key);  // whose error names the key as it is
  return {path, "(.*\\.)?(" + key + ")$"};
}

template <typename T, typename Read>
std::vector<std::pair<ModulePattern, T>> read_patterns(const Json& root, const std::string& key,
                                                       Read read) {
  std::vector<std::pair<ModulePattern, T>> patterns;
  const Json* object = root.find(key);
  if (object == nullptr || object->is_null()) return patterns;
  if (!object->is_object()) fail_value(key, to_text(*object), "an object");
  HfConfig values(*object, key + ".");
  size_t steps = 0;
  for (const auto& [name, value] : object->as_object()) {
    patterns.emplace_back(ending(key, name), read(values, name));
    steps += patterns.back().first.size();
    if (steps > kMaxSteps) {
      fail_value(key, fmt::format("patterns of {} steps", steps), fmt::format("{}", kMaxSteps));
    }
  }
  return patterns;
}

void read_targets(const Json& root, PeftConfig& config) {
  constexpr std::string_view kKey = "target_modules";
  const Json* value = root.find(kKey);
  config.lora.targets.clear();
  if (value == nullptr || value->is_null()) fail_missing(kKey, "names of modules");
  if (value->is_string()) {
    const std::string& text = value->as_string();
    if (text == "all-linear") {
      config.lora.targets = {text};
    } else {
      config.target_patterns.emplace_back(kKey, text);
    }
    return;
  }
  if (!value->is_array() || value->as_array().empty()) {
    fail_value(kKey, to_text(*value), "names of modules or a pattern");
  }
  for (const Json& item : value->as_array()) {
    if (!item.is_string()) fail_value(kKey, to_text(item), "the name of a module");
    config.lora.targets.push_back(item.as_string());
  }
}

void check_start(const Json& root) {
  const Json* value = root.find("init_lora_weights");
  if (value == nullptr || value->is_null() || value->is_bool()) return;
  const bool plain = value->is_string() && std::count(std::begin(kPlainStarts),
                                                      std::end(kPlainStarts), value->as_string());
  if (!plain) fail_unsupported("init_lora_weights", to_text(*value));
}

void check_others(const Json& root, const HfConfig& reader) {
  for (const auto& [key, value] : root.as_object()) {
    if (reader.was_read(key) || is_off(value)) continue;
    if (std::count(std::begin(kIgnored), std::end(kIgnored), key)) continue;
    fail_unsupported(key, to_text(value));
  }
}

}  // namespace

PeftConfig parse_peft_config(std::string_view json) {
  const Json root = parse_json(json);
  if (!root.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("got {}, need an object", root.kind_name()));
  }
  HfConfig reader(root);
  PeftConfig config;
  if (const auto type = reader.text("peft_type", "none"); type != "LORA") {
    fail_unsupported("peft_type", type);
  }
  config.lora.rank = static_cast<int>(reader.integer("r", kRankRange, 8));
  config.lora.alpha = reader.number("lora_alpha", kPositiveOrOff, 8);
  config.lora.dropout = reader.number("lora_dropout", kDropoutRange, 0);
  config.lora.rslora = reader.boolean("use_rslora", false);
  config.ties_head = reader.boolean("ensure_weight_tying", false);
  config.base_name = reader.text("base_model_name_or_path", "");
  for (const std::string_view name :
       reader.texts("modules_to_save").value_or(std::vector<std::string_view>())) {
    config.modules_to_save.emplace_back(name);
  }
  config.ranks = read_patterns<int>(root, "rank_pattern", [](HfConfig& values, auto& key) {
    return static_cast<int>(values.integer(key, kRankRange));
  });
  config.alphas = read_patterns<double>(root, "alpha_pattern", [](HfConfig& values, auto& key) {
    return values.number(key, kPositiveOrOff);
  });
  read_targets(root, config);
  check_start(root);
  for (const char* key : {"rank_pattern", "alpha_pattern", "target_modules", "init_lora_weights"}) {
    reader.ignore(key);
  }
  check_others(root, reader);
  return config;
}

}  // namespace nalar::model
