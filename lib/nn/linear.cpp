#include "nn/linear.h"

#include "nn/dropout.h"

namespace nalar::nn {

void Linear::forward(const Pass& pass, const at::Tensor& x, const at::Tensor& y,
                     const Buffer& kept) const {
  if (pass.observer != nullptr) show(*pass.observer, x);
  // LoRA's part comes first, so that it is in the sum of the product before that is rounded: in
  // bf16 a small one would vanish beside y otherwise.
  if (lora_) {
    const at::Tensor h = kept.matrix(x.size(0), lora_->rank);
    pass.ops.multiply(h, dropped(pass, x), lora_->a->value.t(), 1, false);
    if (y.defined()) pass.ops.multiply(y, h, lora_->b->value.t(), lora_->scale, false);
  }
  if (!y.defined()) return;
  pass.ops.product(y, x, weight_, lora_.has_value());
  if (bias_.value.defined()) pass.ops.add_bias(y, bias_.value);
}

void Linear::show(LinearObserver& observer, const at::Tensor& x) const {
  const at::Tensor host = x.to(at::kCPU, at::kFloat).contiguous();
  observer.linear_input(weight_.view, {host.data_ptr<float>(), x.size(0), in(), in()});
}

void Linear::backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy,
                      const Buffer& kept, const InputGradient& input) const {
  bool accumulate = input.accumulate;
  if (lora_) {
    lora_backward(pass, x, dy, kept.matrix(x.size(0), lora_->rank), input);
    accumulate = true;
  }
  if (weight_.trained != nullptr) {
    pass.ops.multiply(weight_.trained->gradient, dy.t(), x, 1, true);
  }
  if (bias_.gradient.defined()) pass.ops.bias_backward(bias_.gradient, dy);
  if (input.dx.defined()) pass.ops.product_backward(input.dx, dy, weight_, accumulate);
}

void Linear::lora_backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy,
                           const at::Tensor& h, const InputGradient& input) const {
  const Ops& ops = pass.ops;
  const at::Tensor dh = pass.scratch.lora.matrix(x.size(0), lora_->rank);
  ops.multiply(dh, dy, lora_->b->value, lora_->scale, false);
  ops.multiply(lora_->b->gradient, dy.t(), h, lora_->scale, true);
  ops.multiply(lora_->a->gradient, dh.t(), dropped(pass, x), 1, true);
  if (!input.dx.defined()) return;
  if (!pass.dropout || !drops()) {
    ops.multiply(input.dx, dh, lora_->a->value, 1, input.accumulate);
    return;
  }
  // The mask is still the one that dropped() drew.
  const at::Tensor mask = pass.scratch.mask.matrix(x.size(0), in());
  const at::Tensor d_dropped = pass.scratch.dropped.matrix(x.size(0), in());
  ops.multiply(d_dropped, dh, lora_->a->value, 1, false);
  ops.mask(input.accumulate ? d_dropped : input.dx, d_dropped, mask);
  if (input.accumulate) ops.add(input.dx, input.dx, d_dropped);
}

// x, or what dropout leaves of it.
at::Tensor Linear::dropped(const Pass& pass, const at::Tensor& x) const {
  if (!pass.dropout || !drops()) return x;
  const at::Tensor mask = pass.scratch.mask.matrix(x.size(0), in());
  const at::Tensor out = pass.scratch.dropped.matrix(x.size(0), in());
  draw_mask(pass, lora_->module, lora_->dropout, mask);
  pass.ops.mask(out, x, mask);
  return out;
}

}  // namespace nalar::nn
