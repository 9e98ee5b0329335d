#include "model/generation_defaults.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <limits>

#include "model/hf_config.h"

namespace nalar::model {
namespace {

constexpr IntRange kTopKRange{0, std::numeric_limits<int32_t>::max()};
constexpr NumberRange kTemperatureRange{0, 1e6};
constexpr NumberRange kProbability{0, 1};

int32_t token_id(std::string_view key, const Json& value, int vocab_size) {
  std::optional<int64_t> id;
  if (value.kind() == Json::Kind::integer) id = value.as_int64();
  return static_cast<int32_t>(check(key, id, {0, vocab_size - 1}, to_text(value)));
}

std::vector<int32_t> eos_ids(const Json& config, int vocab_size) {
  constexpr std::string_view kKey = "eos_token_id";
  const Json* value = config.find(kKey);
  if (!value || value->is_null()) return {};
  if (!value->is_array()) return {token_id(kKey, *value, vocab_size)};
  std::vector<int32_t> ids;
  for (const Json& item : value->as_array()) ids.push_back(token_id(kKey, item, vocab_size));
  return ids;
}

}  // namespace

GenerationDefaults read_generation_config(std::string_view text, int vocab_size) {
  const Json json = parse_json(text);
  if (!json.is_object()) {
    throw Error(ErrorKind::bad_data, "got " + std::string(json.kind_name()) + ", need an object");
  }
  HfConfig config(json);
  const auto number = [&](std::string_view key, NumberRange range) -> std::optional<float> {
    if (!config.has(key)) return std::nullopt;
    return static_cast<float>(config.number(key, range));
  };
  GenerationDefaults defaults;
  defaults.temperature = number("temperature", kTemperatureRange);
  if (config.has("top_k")) defaults.top_k = static_cast<int>(config.integer("top_k", kTopKRange));
  defaults.top_p = number("top_p", kProbability);
  defaults.min_p = number("min_p", kProbability);
  defaults.typical_p = number("typical_p", kProbability);
  defaults.repeat_penalty = number("repetition_penalty", kPositive);
  if (config.has("do_sample")) defaults.do_sample = config.boolean("do_sample", false);
  defaults.eos_ids = eos_ids(json, vocab_size);
  defaults.source = "generation_config.json";
  return defaults;
}

GenerationDefaults generation_of_config(const Json& config, int vocab_size) {
  GenerationDefaults defaults;
  defaults.eos_ids = eos_ids(config, vocab_size);
  if (!defaults.eos_ids.empty()) defaults.source = "config.json";
  return defaults;
}

GenerationDefaults read_sampling_keys(const io::GgufMetadata& metadata) {
  bool any = false;
  const auto number = [&](std::string_view key, NumberRange range) -> std::optional<float> {
    const auto value = metadata.number(key);
    if (!value) return std::nullopt;
    any = true;
    return static_cast<float>(check(key, value, range, fmt::format("{}", *value)));
  };
  GenerationDefaults defaults;
  defaults.temperature = number("general.sampling.temp", kTemperatureRange);
  constexpr std::string_view kTopK = "general.sampling.top_k";
  if (const auto top_k = metadata.integer(kTopK)) {
    any = true;
    defaults.top_k = static_cast<int>(check(kTopK, top_k, kTopKRange, std::to_string(*top_k)));
  }
  defaults.top_p = number("general.sampling.top_p", kProbability);
  defaults.min_p = number("general.sampling.min_p", kProbability);
  defaults.repeat_penalty = number("general.sampling.penalty_repeat", kPositive);
  if (any) defaults.source = "general.sampling.* of the GGUF";
  return defaults;
}

}  // namespace nalar::model
