#include "engine/adapter_set.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <map>

#include "model/weights.h"

namespace nalar::engine {
namespace {

using model::LoraTarget;
using model::TensorName;
using model::TensorRole;

[[noreturn]] void fail(const AdapterUse& use, std::string_view what) {
  throw Error(ErrorKind::usage, fmt::format("adapter {}: {}", use.adapter->path(), what));
}

// Where the rows of each matrix lie in the model's file.
std::vector<std::pair<TensorName, TensorView>> matrices(const Model& model) {
  std::vector<std::pair<TensorName, TensorView>> list;
  Weights weights = model.weights();
  model::for_each_tensor(model.config(), weights, [&](const model::TensorSlot& slot) {
    list.emplace_back(slot.tensor, *slot.view);
  });
  if (model.config().tied_head) list.emplace_back(TensorName{TensorRole::head}, weights.head);
  return list;
}

// That the adapter was opened for a model of these shapes.
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

}  // namespace

AdapterSet::AdapterSet(const Model& model, std::vector<AdapterUse> uses, const KernelSet& kernels)
    : uses_(std::move(uses)) {
  if (uses_.empty()) return;
  const std::vector<LoraTarget> targets = model::adaptable(model.config());
  for (const AdapterUse& use : uses_) check(use, targets);
  const auto views = matrices(model);
  for (const LoraTarget& target : targets) {
    const auto view = std::find_if(views.begin(), views.end(),
                                   [&](const auto& v) { return v.first == target.name; });
    add_saved(target, view->second, kernels);
    LowRank low(uses_, target, kernels);
    if (low.rank() == 0) continue;
    if (target.name.role == TensorRole::embedding) {
      embedding_.emplace(std::move(low));
    } else {
      low_ranks_.emplace(view->second.bytes.data(), std::move(low));
    }
  }
}

void AdapterSet::add_saved(const LoraTarget& target, const TensorView& weight,
                           const KernelSet& kernels) {
  const model::SavedTensor* saved = nullptr;
  const AdapterUse* saver = nullptr;
  for (const AdapterUse& use : uses_) {
    const model::SavedTensor* found = use.adapter->lora().find_saved(target.name);
    if (found == nullptr) continue;
    if (saved != nullptr) {
      fail(use, fmt::format("replaces {} as {} does", model::module_name(target.name),
                            saver->adapter->path()));
    }
    saved = found;
    saver = &use;
  }
  if (saved == nullptr) return;
  if (static_cast<int64_t>(saved->values.size()) != target.in * target.out) {
    fail(*saver, "was opened for another model");
  }
  if (target.name.role == TensorRole::embedding) {
    saved_embedding_ = saved->values.data();
    return;
  }
  Saved& entry = saved_[weight.bytes.data()];
  packed_.push_back(pack_fp32(saved->values, target.in, kernels.linear));
  entry.packed = packed_.back().data();
  const auto bias = model::bias_of(target.name);
  const model::SavedTensor* values = bias ? saver->adapter->lora().find_saved(*bias) : nullptr;
  if (values != nullptr) entry.bias = values->values.data();
}

const LowRank* AdapterSet::find(const TensorView& weight) const {
  const auto found = low_ranks_.find(weight.bytes.data());
  return found == low_ranks_.end() ? nullptr : &found->second;
}

const AdapterSet::Saved* AdapterSet::find_saved(const TensorView& weight) const {
  const auto found = saved_.find(weight.bytes.data());
  return found == saved_.end() ? nullptr : &found->second;
}

size_t AdapterSet::bytes() const {
  size_t bytes = embedding_ ? embedding_->bytes() : 0;
  for (const auto& [rows, low] : low_ranks_) bytes += low.bytes();
  for (const base::AlignedBuffer& buffer : packed_) bytes += buffer.size();
  return bytes;
}

int64_t largest_rank(std::span<const AdapterUse> uses) {
  std::map<std::pair<TensorRole, int>, int64_t> ranks;
  int64_t largest = 0;
  for (const AdapterUse& use : uses) {
    for (const model::LoraModule& module : use.adapter->lora().modules) {
      int64_t& rank = ranks[{module.target.role, module.target.layer}];
      rank += module.rank;
      largest = std::max(largest, rank);
    }
  }
  return largest;
}

}  // namespace nalar::engine
