#include "nn/embedding.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "nn/dequantize.h"

namespace nalar::nn {
namespace {

at::Tensor indices(std::span<const TokenId> ids) {
  return at::from_blob(const_cast<TokenId*>(ids.data()), {static_cast<int64_t>(ids.size())},
                       at::kInt)
      .to(at::kLong);
}

// gradient[:, ids] or gradient[ids, :] += rows, in order; on the host, where the order is fixed.
void add_rows(const at::Tensor& gradient, const at::Tensor& ids, const at::Tensor& rows) {
  const at::Tensor host = gradient.cpu();
  host.index_add_(0, ids, rows.cpu());
  if (!gradient.is_cpu()) gradient.copy_(host);
}

}  // namespace

void Embedding::forward(const Pass& pass, std::span<const TokenId> ids, const at::Tensor& x) const {
  if (trained_ != nullptr) {
    x.copy_(trained_->value.index_select(0, indices(ids).to(pass.ops.device)));
  } else {
    const bool direct = x.is_cpu() && x.scalar_type() == at::kFloat;
    const at::Tensor host = direct ? x : at::empty(x.sizes(), at::kFloat);
    float* const rows = host.data_ptr<float>();
    const int64_t columns = view_.columns();
    pass.ops.parallel(x.size(0), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        read_row(view_, ids[static_cast<size_t>(t)], rows + t * columns);
      }
    });
    if (!direct) x.copy_(host);
  }
  if (lora_) {
    const at::Tensor h =
        lora_->a->value.index_select(1, indices(ids).to(pass.ops.device)).t();  // [T, R]
    pass.ops.multiply(x, h, lora_->b->value.t(), lora_->scale, true);
  }
  if (multiplier_ != 1) x.mul_(multiplier_);
}

void Embedding::backward(const Pass& pass, std::span<const TokenId> ids,
                         const at::Tensor& dx) const {
  if (multiplier_ != 1) dx.mul_(multiplier_);
  const at::Tensor at_ids = indices(ids);
  if (trained_ != nullptr) add_rows(trained_->gradient, at_ids, dx);
  if (!lora_) return;
  const at::Tensor h = lora_->a->value.index_select(1, at_ids.to(pass.ops.device)).t();
  pass.ops.multiply(lora_->b->gradient, dx.t(), h, lora_->scale, true);
  const at::Tensor dh = pass.scratch.lora.matrix(dx.size(0), lora_->rank);
  pass.ops.multiply(dh, dx, lora_->b->value, lora_->scale, false);
  add_rows(lora_->a->gradient.t(), at_ids, dh);
}

}  // namespace nalar::nn
