#pragma once

#include <nalar/model.h>

#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"

namespace nalar::nn {

// Makes the parts of a model from its weights: knows what is trained, and how it is called.
class Builder {
 public:
  // All of them must outlive it; `parameters` must outlive the parts.
  Builder(const Model& model, const train::TrainableOptions& options, const Ops& ops,
          Parameters& parameters)
      : model_(model), options_(options), ops_(ops), parameters_(parameters) {}

  Linear linear(model::TensorName weight, const TensorView& view, model::TensorName bias = {},
                const TensorView& bias_view = {});
  Norm norm(const std::optional<NormSpec>& spec, model::TensorName weight, const TensorView& view);
  Embedding embedding();
  Linear head();

  int64_t weight_bytes() const { return weight_bytes_; }  // besides the file's

 private:
  const Trained* whole(model::TensorName tensor, const TensorView& view);
  std::optional<Lora> lora(model::TensorName tensor, const TensorView& view);
  Matrix matrix(model::TensorName tensor, const TensorView& view);
  at::Tensor vector(const TensorView& view);

  const Model& model_;
  const train::TrainableOptions& options_;
  const Ops& ops_;
  Parameters& parameters_;
  const Trained* trained_embedding_ = nullptr;
  int64_t weight_bytes_ = 0;
};

}  // namespace nalar::nn
