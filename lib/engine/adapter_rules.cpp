#include "engine/adapter_rules.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <vector>

#include "model/lora.h"

namespace nalar::engine {
namespace {

using model::LoraTarget;

[[noreturn]] void fail(const AdapterUse& use, std::string_view what) {
  throw Error(ErrorKind::usage, fmt::format("adapter {}: {}", use.adapter->path(), what));
}

void check(const AdapterUse& use, const std::vector<LoraTarget>& targets) {
  const model::LoraAdapter& lora = use.adapter->lora();
  size_t fits = 0;
  for (const LoraTarget& target : targets) {
    const model::LoraModule* module = lora.find(target.name);
    if (module == nullptr) continue;
    const auto size = [&](int64_t n) { return static_cast<size_t>(n * module->rank); };
    if (module->a.size() == size(target.in) && module->b.size() == size(target.out)) ++fits;
  }
  if (fits != lora.modules.size()) fail(use, "was opened for another model");
  if (!lora.saved.empty() && use.scale != 1) {
    fail(use, fmt::format("got scale {}, need 1: it has whole tensors in place of the base's",
                          use.scale));
  }
}

void check_saved(const LoraTarget& target, std::span<const AdapterUse> uses) {
  const AdapterUse* saver = nullptr;
  for (const AdapterUse& use : uses) {
    const model::SavedTensor* saved = use.adapter->lora().find_saved(target.name);
    if (saved == nullptr) continue;
    if (saver != nullptr) {
      fail(use, fmt::format("replaces {} as {} does", model::module_name(target.name),
                            saver->adapter->path()));
    }
    if (static_cast<int64_t>(saved->values.size()) != target.in * target.out) {
      fail(use, "was opened for another model");
    }
    saver = &use;
  }
}

}  // namespace

void check_adapters(const ModelConfig& config, std::span<const AdapterUse> uses) {
  if (uses.empty()) return;
  const std::vector<LoraTarget> targets = model::adaptable(config);
  for (const AdapterUse& use : uses) check(use, targets);
  for (const LoraTarget& target : targets) check_saved(target, uses);
}

}  // namespace nalar::engine
