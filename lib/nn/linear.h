#pragma once

#include <optional>

#include "nn/pass.h"

namespace nalar::nn {

// scale · B A beside a matrix (Hu et al., "LoRA", ICLR 2022).
struct Lora {
  const Trained* a = nullptr;  // [R, in]
  const Trained* b = nullptr;  // [out, R]
  double scale = 0;
  int64_t rank = 0;
  double dropout = 0;
  uint64_t module = 0;  // its stream of random numbers
};

// y = x W^T + b + scale · (drop(x) A^T) B^T. The only part that knows LoRA; gradients are made for
// what is trained alone.
class Linear {
 public:
  // `bias` is undefined for none, without a gradient where it is frozen.
  Linear(Matrix weight, Trained bias, std::optional<Lora> lora)
      : weight_(std::move(weight)), bias_(std::move(bias)), lora_(lora) {}

  int64_t in() const { return weight_.in(); }
  int64_t out() const { return weight_.out(); }
  int64_t rank() const { return lora_ ? lora_->rank : 0; }
  bool drops() const { return lora_ && lora_->dropout > 0; }
  bool trained() const { return lora_ || weight_.trained != nullptr || bias_.gradient.defined(); }

  // Keeps drop(x) A^T [T, R] in `kept`. y undefined: does nothing else.
  void forward(const Pass& pass, const at::Tensor& x, const at::Tensor& y,
               const Buffer& kept) const;
  // The gradients of what is trained and, where it is defined, dx = or +=.
  struct InputGradient {
    at::Tensor dx;
    bool accumulate = false;
  };
  void backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy, const Buffer& kept,
                const InputGradient& input) const;

 private:
  void show(LinearObserver& observer, const at::Tensor& x) const;
  at::Tensor dropped(const Pass& pass, const at::Tensor& x) const;
  void lora_backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy,
                     const at::Tensor& h, const InputGradient& input) const;

  Matrix weight_;
  Trained bias_;
  std::optional<Lora> lora_;
};

}  // namespace nalar::nn
