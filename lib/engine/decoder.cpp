#include "engine/decoder.h"

#include <algorithm>

namespace nalar::engine {

Decoder::Decoder(std::shared_ptr<const Model> model, std::vector<AdapterUse> adapters,
                 const KernelSet& kernels, base::ThreadPool& pool)
    : model_(std::move(model)),
      kernels_(kernels),
      adapters_(*model_, std::move(adapters), kernels),
      packed_(*model_, adapters_, kernels),
      kv_layout_(model_->config(), kernels.kv_type()),
      ropes_(model_->config(), kernels),
      final_norm_(model_->config().final_norm, model_->weights().final_norm, kernels),
      head_(model_->weights().head, {}, packed_.pack(linear_weights(*model_), pool), kernels) {
  const ModelConfig& config = model_->config();
  const Parts parts{kernels, packed_, kv_layout_, ropes_};
  blocks_.reserve(config.layers.size());
  for (int i = 0; i < config.n_layers(); ++i) {
    const auto at = static_cast<size_t>(i);
    blocks_.emplace_back(i, config.layers[at], model_->weights().layers[at], parts);
  }
}

void Decoder::forward(const Worker& all, Pass* kept) const {
  embed(all);
  ropes_.tabulate(all);
  for (size_t i = 0; i + 1 < blocks_.size(); ++i) {
    blocks_[i].store(all);
    blocks_[i].finish(all);
  }
  blocks_.back().store(all);
  if (kept == nullptr) {
    blocks_.back().finish(all);
    make_logits(all);
  } else if (kept->n_rows > 0) {
    const Worker rest = all.keep(*kept);
    blocks_.back().finish(rest);
    make_logits(rest);
  }
}

void Decoder::embed(const Worker& w) const {
  const int64_t d_model = w.pass.activations.widths().model;
  const float scale = model_->config().embedding_scale;
  const base::Range own = w.own_rows();
  const float* const saved = w.pass.adapted ? adapters_.saved_embedding() : nullptr;
  if (saved == nullptr) {
    embed_base(w, own);
  } else {
    for (int64_t t = own.begin; t < own.end; ++t) {
      const TokenId id = w.pass.tokens[static_cast<size_t>(t)];
      std::copy_n(saved + id * d_model, d_model, w.rows.x + t * d_model);
    }
  }
  const LowRank* const low = w.pass.adapted ? adapters_.embedding() : nullptr;
  if (low != nullptr) low->add_embedded(w, own, w.rows.x, d_model);
  for (int64_t t = own.begin; t < own.end && scale != 1; ++t) {
    kernels_.vector.scale(scale, d_model, w.rows.x + t * d_model);
  }
}

void Decoder::embed_base(const Worker& w, base::Range own) const {
  const TensorView& table = model_->weights().embedding;
  const bool tied = table.bytes.data() == model_->weights().head.bytes.data();
  const auto& linear = tied ? kernels_.linear : kernels::linear_kernels(kernels::Isa::scalar);
  const std::byte* const weight = tied ? packed_.find(table) : table.bytes.data();
  const int64_t d_model = table.columns();
  for (int64_t t = own.begin; t < own.end; ++t) {
    linear.dequantize_row(table.dtype, weight, table.rows(), d_model,
                          w.pass.tokens[static_cast<size_t>(t)], w.rows.x + t * d_model);
  }
}

void Decoder::make_logits(const Worker& w) const {
  const auto n = static_cast<int64_t>(w.pass.logit_rows.size());
  if (n == 0) return;
  w.rows_ready();
  const base::Range own = w.own_rows(n);
  for (int64_t i = own.begin; i < own.end; ++i) {
    const int64_t row = w.pass.logit_rows[static_cast<size_t>(i)];
    final_norm_.apply(w.rows.x + row * head_.in(), w.rows.h + i * head_.in());
  }
  read_input(w, {&head_}, own, {w.rows.h, n, head_.in(), head_.in()});
  const MatrixView<float>& logits = w.pass.logits;
  const base::Range columns = w.share(head_.out(), kernels::kGroupRows);
  head_.multiply(w, columns, n, logits.data, logits.stride);
  const float cap = model_->config().final_softcap;
  for (int64_t i = 0; i < n && cap != 0; ++i) {
    kernels_.vector.softcap(cap, columns.end - columns.begin, logits.row(i) + columns.begin);
  }
}

}  // namespace nalar::engine
