#include "nn/merge_adapters.h"

namespace nalar::nn {
namespace {

struct Part {
  const model::LoraModule* module;
  float scale;
};

model::LoraModule merge(const model::LoraTarget& target, const std::vector<Part>& parts) {
  model::LoraModule merged{target.name, 0, 1, {}, {}};
  for (const auto& [module, scale] : parts) {
    merged.rank += module->rank;
    merged.a.insert(merged.a.end(), module->a.begin(), module->a.end());
  }
  for (int64_t r = 0; r < target.out; ++r) {
    for (const auto& [module, scale] : parts) {
      const float* const row = module->b.data() + r * module->rank;
      for (int i = 0; i < module->rank; ++i) merged.b.push_back(row[i] * scale);
    }
  }
  return merged;
}

}  // namespace

model::LoraAdapter merge_adapters(const ModelConfig& config, std::span<const AdapterUse> uses) {
  model::LoraAdapter merged;
  for (const model::LoraTarget& target : model::adaptable(config)) {
    std::vector<Part> parts;
    for (const AdapterUse& use : uses) {
      const model::LoraModule* const module = use.adapter->lora().find(target.name);
      if (module != nullptr) parts.push_back({module, use.scale * module->scale});
    }
    if (!parts.empty()) merged.modules.push_back(merge(target, parts));
  }
  for (const AdapterUse& use : uses) {
    const auto& saved = use.adapter->lora().saved;
    merged.saved.insert(merged.saved.end(), saved.begin(), saved.end());
  }
  return merged;
}

}  // namespace nalar::nn
