#include "nn/decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tanh.h>

#include <algorithm>

namespace nalar::nn {
Decoder::Decoder(const Parts& parts, model::LoraAdapter adapter, Arena& arena)
    : config_(parts.model.config()),
      ops_(parts.ops),
      parameters_(ops_.device, ops_.wide),
      network_(make_network(parts, std::move(adapter))),
      scratch_(network_.take_scratch(arena, ops_, parts.rows, false)),
      kept_(network_.take_kept(arena, ops_, parts.rows, true)),
      logit_rows_(std::clamp<int64_t>(kLogits / config_.vocab_size, 1, parts.rows)),
      residual_(arena.take(parts.rows * config_.d_model, ops_.wide)),
      wanted_(arena.take(logit_rows_ * config_.d_model, ops_.wide)),
      logits_(arena.take(logit_rows_ * config_.vocab_size, ops_.work)),
      head_lora_(arena.take(logit_rows_ * network_.head.rank(), ops_.wide)) {}

Network Decoder::make_network(const Parts& parts, model::LoraAdapter adapter) {
  train::TrainableOptions options;
  options.adapter = std::move(adapter);
  Builder builder(parts.model, options, ops_, parameters_);
  Network network(parts.model, parts.ropes, builder);
  weight_bytes_ = builder.weight_bytes();
  for (const train::Parameter& p : parameters_.list()) {
    weight_bytes_ += static_cast<int64_t>(p.value.size_bytes());
  }
  return network;
}

void Decoder::forward(const Rows& rows, const Caches& caches, LinearObserver* observer,
                      const MatrixView<float>& logits) const {
  const at::Tensor x = residual_.matrix(static_cast<int64_t>(rows.ids.size()), config_.d_model);
  Pass pass{ops_, scratch_, rows.documents, {{}, rows.positions}, {}, {}, observer};
  network_.embedding.forward(pass, rows.ids, x);
  for (size_t i = 0; i < network_.blocks.size(); ++i) {
    const std::vector<KeyValues> of_layer = caches(i);
    pass.caches = of_layer;
    network_.blocks[i].forward(pass, x, x, kept_[i]);
  }
  pass.caches = {};
  make_logits(pass, x, rows.logit_rows, logits);
}

void Decoder::make_logits(const Pass& pass, const at::Tensor& x, std::span<const int32_t> rows,
                          const MatrixView<float>& logits) const {
  const double cap = static_cast<double>(config_.final_softcap);
  const auto n = static_cast<int64_t>(rows.size());
  for (int64_t begin = 0; begin < n; begin += logit_rows_) {
    const int64_t count = std::min(logit_rows_, n - begin);
    const at::Tensor wanted = wanted_.matrix(count, config_.d_model);
    ops_.gather(wanted, x, rows.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)));
    const at::Tensor normed =
        network_.final_norm.forward(pass, wanted, scratch_.normed.matrix(count, config_.d_model));
    const at::Tensor made = logits_.matrix(count, config_.vocab_size);
    network_.head.forward(pass, normed, made, head_lora_);
    const at::Tensor wide = made.to(ops_.wide);
    at::from_blob(logits.row(begin), {count, config_.vocab_size}, {logits.stride, 1}, at::kFloat)
        .copy_(cap > 0 ? at::tanh(wide / cap) * cap : wide);
  }
}

}  // namespace nalar::nn
