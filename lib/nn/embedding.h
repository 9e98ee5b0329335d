#pragma once

#include <nalar/token.h>

#include <optional>

#include "nn/linear.h"

namespace nalar::nn {

// x_t = multiplier · (E[id_t] + scale · B A[:, id_t])
class Embedding {
 public:
  Embedding(const TensorView& view, const Trained* trained, std::optional<Lora> lora,
            double multiplier)
      : view_(view), trained_(trained), lora_(lora), multiplier_(multiplier) {}

  bool trained() const { return trained_ != nullptr || lora_; }
  int64_t rank() const { return lora_ ? lora_->rank : 0; }

  void forward(const Pass& pass, std::span<const TokenId> ids, const at::Tensor& x) const;
  void backward(const Pass& pass, std::span<const TokenId> ids, const at::Tensor& dx) const;

 private:
  TensorView view_;  // [V, D]
  const Trained* trained_;
  std::optional<Lora> lora_;
  double multiplier_;
};

}  // namespace nalar::nn
