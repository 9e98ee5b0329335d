#include <nalar/error.h>
#include <nalar/model.h>

#include "model/weights.h"

namespace nalar {
namespace {

int64_t sum_over_tensors(const Model& model, int64_t (*size)(const TensorView&)) {
  Weights weights = model.weights();
  int64_t sum = 0;
  nalar::model::for_each_tensor(model.config(), weights,
                                [&](const model::TensorSlot& slot) { sum += size(*slot.view); });
  return sum;
}

}  // namespace

Model::Model(std::shared_ptr<const ModelFiles> files, ModelConfig config, Weights weights,
             std::vector<TensorView> unknown_tensors)
    : files_(std::move(files)),
      config_(std::move(config)),
      weights_(std::move(weights)),
      unknown_tensors_(std::move(unknown_tensors)) {}

int64_t Model::n_parameters() const {
  return sum_over_tensors(*this, [](const TensorView& view) { return view.elements(); });
}

int64_t Model::weight_bytes() const {
  return sum_over_tensors(
      *this, [](const TensorView& view) { return static_cast<int64_t>(view.bytes.size()); });
}

}  // namespace nalar
