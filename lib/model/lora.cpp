#include "model/lora.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/rng.h"
#include "base/utf8.h"
#include "model/weights.h"

namespace nalar::model {
namespace {

using enum TensorRole;

constexpr std::string_view kAllLinear = "all-linear";

bool is_layer_linear(TensorRole role) {
  for (const TensorRole linear : {q, k, v, o, gate, up, down}) {
    if (role == linear) return true;
  }
  return false;
}

bool matches(std::string_view target, TensorName matrix) {
  return target == kAllLinear ? is_layer_linear(matrix.role)
                              : names_module(target, module_name(matrix));
}

[[noreturn]] void fail(const char* what, const std::string& got, const char* need) {
  throw Error(ErrorKind::usage, fmt::format("{}: got {}, need {}", what, got, need));
}

// Box and Muller's: two uniform numbers to a normal one.
float normal(uint64_t seed, uint64_t stream, uint64_t position) {
  const double radius = std::sqrt(-2 * std::log1p(-base::uniform(seed, stream, 2 * position)));
  const double angle = 2 * std::numbers::pi * base::uniform(seed, stream, 2 * position + 1);
  return static_cast<float>(radius * std::cos(angle));
}

LoraModule start(const LoraConfig& config, const LoraTarget& target, uint64_t seed,
                 uint64_t stream) {
  LoraModule module{target.name, config.rank, static_cast<float>(config.scale()), {}, {}};
  module.a.resize(static_cast<size_t>(config.rank * target.in));
  module.b.resize(static_cast<size_t>(target.out * config.rank));
  if (target.name.role == embedding) {
    for (size_t i = 0; i < module.b.size(); ++i) module.b[i] = normal(seed, stream, i);
    return module;
  }
  const double bound = 1 / std::sqrt(static_cast<double>(target.in));
  for (size_t i = 0; i < module.a.size(); ++i) {
    module.a[i] = static_cast<float>(bound * (2 * base::uniform(seed, stream, i) - 1));
  }
  return module;
}

}  // namespace

double LoraConfig::scale() const { return alpha / (rslora ? std::sqrt(rank) : rank); }

void LoraConfig::validate() const {
  if (rank < 1 || rank > kMaxRank) fail("rank", std::to_string(rank), "1 to 65536");
  if (!std::isfinite(alpha) || alpha <= 0) fail("alpha", fmt::format("{}", alpha), "more than 0");
  if (!(dropout >= 0 && dropout < 1)) {
    fail("dropout", fmt::format("{}", dropout), "at least 0 and less than 1");
  }
  if (targets.empty()) fail("targets", "none", "names of Linears, or all-linear");
}

const LoraModule* LoraAdapter::find(TensorName target) const {
  const auto is = [&](const LoraModule& m) { return m.target == target; };
  const auto found = std::find_if(modules.begin(), modules.end(), is);
  return found == modules.end() ? nullptr : &*found;
}

const SavedTensor* LoraAdapter::find_saved(TensorName target) const {
  const auto is = [&](const SavedTensor& t) { return t.target == target; };
  const auto found = std::find_if(saved.begin(), saved.end(), is);
  return found == saved.end() ? nullptr : &*found;
}

std::vector<LoraTarget> adaptable(const ModelConfig& model) {
  std::vector<LoraTarget> targets;
  Weights none;
  none.layers.resize(model.layers.size());
  for_each_tensor(model, none, [&](const TensorSlot& slot) {
    const TensorRole role = slot.tensor.role;
    if (role == embedding) targets.push_back({slot.tensor, slot.shape[0], slot.shape[1]});
    if (is_layer_linear(role)) targets.push_back({slot.tensor, slot.shape[1], slot.shape[0]});
  });
  targets.push_back({{head}, model.d_model, model.vocab_size});
  return targets;
}

std::optional<TensorName> bias_of(TensorName linear) {
  constexpr std::pair<TensorRole, TensorRole> kBiases[] = {
      {q, q_bias},       {k, k_bias},   {v, v_bias},      {o, o_bias},
      {gate, gate_bias}, {up, up_bias}, {down, down_bias}};
  for (const auto& [role, bias] : kBiases) {
    if (role == linear.role) return TensorName{bias, linear.layer};
  }
  return std::nullopt;
}

std::string module_name(TensorName target) {
  constexpr std::string_view kWeight = ".weight";
  std::string name = TensorNaming(NameScheme::hf).name(target);
  name.resize(name.size() - kWeight.size());
  return name;
}

bool names_module(std::string_view name, std::string_view module) {
  if (name.empty() || !module.ends_with(name)) return false;
  return name.size() == module.size() || module[module.size() - name.size() - 1] == '.';
}

std::vector<TensorName> lora_targets(const LoraConfig& config, const ModelConfig& model) {
  config.validate();
  std::vector<TensorName> found;
  std::vector<bool> used(config.targets.size());
  for (const LoraTarget& matrix : adaptable(model)) {
    bool wanted = false;
    for (size_t i = 0; i < used.size(); ++i) {
      if (!matches(config.targets[i], matrix.name)) continue;
      wanted = used[i] = true;
    }
    if (wanted) found.push_back(matrix.name);
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i]) continue;
    fail("targets", fmt::format("\"{}\"", base::escaped(config.targets[i], 80)),
         "all-linear or names such as q_proj, layers.3.mlp.down_proj, embed_tokens, lm_head");
  }
  return found;
}

std::vector<float> transposed(const std::vector<float>& m, int64_t columns) {
  const int64_t rows = static_cast<int64_t>(m.size()) / columns;
  std::vector<float> t(m.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      t[static_cast<size_t>(c * rows + r)] = m[static_cast<size_t>(r * columns + c)];
    }
  }
  return t;
}

LoraAdapter make_adapter(const LoraConfig& config, const Model& base, uint64_t seed) {
  const std::vector<TensorName> wanted = lora_targets(config, base.config());
  LoraAdapter adapter;
  adapter.config = config;
  for (const LoraTarget& target : adaptable(base.config())) {
    if (std::find(wanted.begin(), wanted.end(), target.name) == wanted.end()) continue;
    adapter.modules.push_back(start(config, target, seed, adapter.modules.size()));
  }
  return adapter;
}

}  // namespace nalar::model
