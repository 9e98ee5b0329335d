#include "engine/adapter_set.h"

#include <algorithm>
#include <map>

#include "engine/adapter_rules.h"
#include "model/weights.h"

namespace nalar::engine {
namespace {

using model::LoraTarget;
using model::TensorName;
using model::TensorRole;

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

}  // namespace

AdapterSet::AdapterSet(const Model& model, std::vector<AdapterUse> uses, const KernelSet& kernels)
    : uses_(std::move(uses)) {
  if (uses_.empty()) return;
  check_adapters(model.config(), uses_);
  const auto views = matrices(model);
  for (const LoraTarget& target : model::adaptable(model.config())) {
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
  const model::LoraAdapter* saver = nullptr;
  for (const AdapterUse& use : uses_) {
    if (use.adapter->lora().find_saved(target.name) != nullptr) saver = &use.adapter->lora();
  }
  if (saver == nullptr) return;
  const model::SavedTensor* const saved = saver->find_saved(target.name);
  if (target.name.role == TensorRole::embedding) {
    saved_embedding_ = saved->values.data();
    return;
  }
  Saved& entry = saved_[weight.bytes.data()];
  packed_.push_back(pack_fp32(saved->values, target.in, kernels.linear));
  entry.packed = packed_.back().data();
  const auto bias = model::bias_of(target.name);
  const model::SavedTensor* values = bias ? saver->find_saved(*bias) : nullptr;
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
