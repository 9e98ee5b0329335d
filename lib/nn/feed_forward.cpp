#include "nn/feed_forward.h"

namespace nalar::nn {

FeedForward::Kept FeedForward::take(Arena& arena, const Ops& ops, int64_t rows) const {
  const auto lora = [&](const Linear& l) { return arena.take(rows * l.rank(), ops.wide); };
  const auto& [gate, up, down] = parts_;
  const int64_t hidden = rows * gate.out();
  return {arena.take(hidden, ops.work), arena.take(hidden, ops.work), lora(gate), lora(up),
          lora(down)};
}

void FeedForward::forward(const Pass& pass, const at::Tensor& x, const at::Tensor& y,
                          const Kept& kept) const {
  const int64_t n = x.size(0), d_ff = parts_.gate.out();
  const at::Tensor gate = kept.gate.matrix(n, d_ff), up = kept.up.matrix(n, d_ff);
  const at::Tensor h = pass.scratch.hidden.matrix(n, d_ff);
  parts_.gate.forward(pass, x, gate, kept.gate_lora);
  parts_.up.forward(pass, x, up, kept.up_lora);
  if (!y.defined() && parts_.down.rank() == 0) return;
  pass.ops.gated(h, gate, up, activation_);
  parts_.down.forward(pass, h, y, kept.down_lora);
}

void FeedForward::backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy,
                           const at::Tensor& dx, const Kept& kept) const {
  const int64_t n = x.size(0), d_ff = parts_.gate.out();
  const at::Tensor gate = kept.gate.matrix(n, d_ff), up = kept.up.matrix(n, d_ff);
  const at::Tensor h = pass.scratch.hidden.matrix(n, d_ff);
  if (parts_.down.trained()) pass.ops.gated(h, gate, up, activation_);
  const bool above_only = !dx.defined() && !inputs_trained();
  const at::Tensor dh = above_only ? at::Tensor() : pass.scratch.d_hidden.matrix(n, d_ff);
  parts_.down.backward(pass, h, dy, kept.down_lora, {dh});
  if (above_only) return;

  pass.ops.gated_backward(gate, up, dh, activation_);
  parts_.gate.backward(pass, x, gate, kept.gate_lora, {dx, false});
  parts_.up.backward(pass, x, up, kept.up_lora, {dx, true});
}

}  // namespace nalar::nn
