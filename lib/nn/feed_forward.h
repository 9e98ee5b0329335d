#pragma once

#include "nn/linear.h"

namespace nalar::nn {

// y = down(act(gate(x)) · up(x))
class FeedForward {
 public:
  struct Parts {
    Linear gate, up, down;
  };
  // What the backward pass reads; gate and up become their gradients in it.
  struct Kept {
    Buffer gate, up;                       // [T, F]
    Buffer gate_lora, up_lora, down_lora;  // [T, R]
  };

  FeedForward(Activation activation, Parts parts)
      : activation_(activation), parts_(std::move(parts)) {}

  const Parts& parts() const { return parts_; }
  bool trained() const { return inputs_trained() || parts_.down.trained(); }
  Kept take(Arena& arena, const Ops& ops, int64_t rows) const;

  // y undefined: only makes what is kept.
  void forward(const Pass& pass, const at::Tensor& x, const at::Tensor& y, const Kept& kept) const;
  // dx is written where it is defined.
  void backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy, const at::Tensor& dx,
                const Kept& kept) const;

 private:
  bool inputs_trained() const { return parts_.gate.trained() || parts_.up.trained(); }

  Activation activation_;
  Parts parts_;
};

}  // namespace nalar::nn
