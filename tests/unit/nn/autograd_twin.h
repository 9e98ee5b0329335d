#pragma once

#include <ATen/core/Tensor.h>
#include <nalar/model.h>

#include <map>
#include <string>

#include "nn/pass.h"
#include "nn_support.h"

namespace nalar::nn::test {

// The same model once more, the plainest way: whole-tensor operators in double whose gradients
// LibTorch's autograd makes. Shares with the model under test the reading of weights, the ropes'
// frequencies and the masks.
class AutogradTwin {
 public:
  AutogradTwin(const Model& model, const TrainableOptions& options,
               std::span<const train::Parameter> parameters);

  // The loss; afterwards gradient(name) is its gradient.
  double run(const Batch& batch, uint64_t update);
  at::Tensor gradient(const std::string& name) const { return leaves_.at(name).grad(); }

 private:
  at::Tensor tensor(model::TensorName name, const TensorView& view) const;
  at::Tensor linear(const at::Tensor& x, model::TensorName name, const TensorView& view) const;
  at::Tensor norm(const at::Tensor& x, const std::optional<NormSpec>& spec, model::TensorName name,
                  const TensorView& view) const;
  at::Tensor rope(const at::Tensor& x, const AttentionSpec& spec) const;
  at::Tensor embed(const Batch& batch) const;
  at::Tensor attention(const at::Tensor& x, int layer) const;
  at::Tensor feed_forward(const at::Tensor& x, int layer) const;

  const Model& model_;
  const TrainableOptions& options_;
  std::map<std::string, at::Tensor> leaves_;
  std::unique_ptr<Ops> ops_;
  // Of the batch that runs.
  std::vector<int64_t> keys_;
  std::vector<int32_t> positions_, documents_;
  std::vector<int32_t> rows_;  // those of keys_ and positions_ that the next Linear sees
  uint64_t update_ = 0;
};

}  // namespace nalar::nn::test
