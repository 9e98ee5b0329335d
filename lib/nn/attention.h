#pragma once

#include "nn/linear.h"
#include "nn/norm.h"

namespace nalar::nn {

// Attention of documents: y = o(attend(turn(norm(q(x))), turn(norm(k(x))), v(x)))
class Attention {
 public:
  struct Parts {
    Linear q, k, v, o;
    Norm q_norm, k_norm;
  };
  // What the backward pass reads.
  struct Kept {
    Buffer q, k, v;  // [T, N * H] [T, K * H] [T, K * H], turned unless there is a q/k norm
    Buffer turned_q, turned_k;              // with a q/k norm
    Buffer attended, log_sum;               // [T, N * H], [N, T]
    Buffer q_lora, k_lora, v_lora, o_lora;  // [T, R]
  };

  Attention(const AttentionSpec& spec, const RopeTable* rope, Parts parts)
      : spec_(spec), rope_(rope), parts_(std::move(parts)) {}

  const Parts& parts() const { return parts_; }
  bool trained() const { return inputs_trained() || parts_.o.trained(); }
  Kept take(Arena& arena, const Ops& ops, int64_t rows) const;

  // y undefined: only makes what is kept.
  void forward(const Pass& pass, const at::Tensor& x, const at::Tensor& y, const Kept& kept) const;
  // dx is written where it is defined.
  void backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy, const at::Tensor& dx,
                const Kept& kept) const;

 private:
  struct Tensors {
    at::Tensor q, k, v, turned_q, turned_k;
  };
  bool inputs_trained() const {
    return parts_.q.trained() || parts_.k.trained() || parts_.v.trained() ||
           parts_.q_norm.trained() || parts_.k_norm.trained();
  }
  Tensors tensors(const Kept& kept, int64_t rows) const;
  AttentionRows rows(const Pass& pass, const Tensors& t, const Kept& kept) const;

  const AttentionSpec& spec_;  // of the model's config
  const RopeTable* rope_;
  Parts parts_;
};

}  // namespace nalar::nn
