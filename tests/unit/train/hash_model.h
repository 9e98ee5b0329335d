#pragma once

#include <nalar/model.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "model/tensor_names.h"
#include "model/weights.h"
#include "train/trainable_model.h"

namespace nalar::test {

// A model with the parameters of an adapter, or of a whole base, that draws a few of them towards a
// number for each learned token: what is drawn is a function of the token and its label.
class HashModel : public train::TrainableModel {
 public:
  HashModel(const Model& base, const train::TrainableOptions& options) {
    const model::TensorNaming naming(model::NameScheme::canonical);
    if (options.adapter) {
      for (const model::LoraModule& m : options.adapter->modules) {
        std::string name = naming.name(m.target);
        name.resize(name.rfind('.'));
        const int64_t rank = m.rank;
        add(name + ".lora_A", {rank, static_cast<int64_t>(m.a.size()) / rank}, m.a);
        add(name + ".lora_B", {static_cast<int64_t>(m.b.size()) / rank, rank}, m.b);
      }
    } else {
      Weights weights = base.weights();
      model::for_each_tensor(base.config(), weights, [&](const model::TensorSlot& slot) {
        add(naming.name(slot.tensor), slot.shape,
            std::vector<float>(static_cast<size_t>(slot.view->elements()), 0.25f));
      });
    }
    for (Entry& e : entries_) parameters_.push_back({e.name, e.shape, e.value, e.gradient});
  }

  std::span<train::Parameter> parameters() override { return parameters_; }
  void parameters_changed() override {}
  void clear_gradients() override {
    for (Entry& e : entries_) std::fill(e.gradient.begin(), e.gradient.end(), 0.0f);
  }
  double loss(const train::Batch& batch) override { return pass(batch, 0, 0); }
  double add_gradients(const train::Batch& batch, float weight, uint64_t update) override {
    return pass(batch, weight, update);
  }
  train::TrainingMemory memory() const override { return {}; }

 private:
  struct Entry {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> value, gradient;
  };

  void add(std::string name, std::vector<int64_t> shape, std::vector<float> values) {
    std::vector<float> gradient(values.size());
    entries_.push_back({std::move(name), std::move(shape), std::move(values), std::move(gradient)});
  }

  double pass(const train::Batch& batch, float weight, uint64_t update) {
    double loss = 0;
    for (size_t i = 0; i < batch.learned.size(); ++i) {
      const auto id = static_cast<uint64_t>(batch.ids[static_cast<size_t>(batch.learned[i])]);
      const auto label = static_cast<uint64_t>(batch.labels[i]);
      const auto key = static_cast<uint64_t>(batch.keys.front());
      for (Entry& e : entries_) {
        const auto [place, target, noise, unused] = base::philox(id, label, e.value.size());
        const size_t at = place % e.value.size();
        // A little noise of the update and the batch, as dropout makes it.
        const double shift = weight == 0 ? 0 : 0.1 * base::uniform(noise + unused, update, key);
        const double distance = static_cast<double>(e.value[at]) - target / 0x1p33 - shift;
        loss += distance * distance / 2;
        e.gradient[at] += weight * static_cast<float>(distance);
      }
    }
    return loss;
  }

  std::vector<Entry> entries_;
  std::vector<train::Parameter> parameters_;
};

}  // namespace nalar::test
