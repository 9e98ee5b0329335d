#include "nn/transformer.h"

#include <algorithm>

namespace nalar::nn {
namespace {

template <typename T>
std::span<const T> some_of(const std::vector<T>& values, int64_t begin, int64_t n) {
  return std::span(values).subspan(static_cast<size_t>(begin), static_cast<size_t>(n));
}

}  // namespace

Transformer::Transformer(const Model& model, const train::TrainableOptions& options, const Ops& ops,
                         Builder builder)
    : config_(model.config()),
      ops_(ops),
      seed_(options.seed),
      d_model_(config_.d_model),
      ropes_(config_, ops, options.batch_tokens),
      network_(model, ropes_, builder),
      weight_bytes_(builder.weight_bytes()) {}

void Transformer::take(Arena& arena, int64_t rows, bool recompute) {
  rows_ = rows;
  recompute_ = recompute;
  const auto wide = [&](int64_t n) { return arena.take(n, ops_.wide); };
  for (size_t i = 0; i <= network_.blocks.size(); ++i) residual_.push_back(wide(rows * d_model_));
  kept_ = network_.take_kept(arena, ops_, rows, recompute);
  scratch_ = network_.take_scratch(arena, ops_, rows, true);
  dx_ = wide(rows * d_model_);
  learned_ = wide(rows * d_model_);
  d_learned_ = wide(rows * d_model_);
  logit_rows_ = std::clamp<int64_t>(kLogits / config_.vocab_size, 1, rows);
  logits_ = arena.take(logit_rows_ * config_.vocab_size, ops_.work);
  head_lora_ = wide(logit_rows_ * network_.head.rank());
}

Transformer::Rows::Rows(const train::Batch& batch) {
  for (size_t d = 0; d + 1 < batch.documents.size(); ++d) {
    for (int32_t t = batch.documents[d]; t < batch.documents[d + 1]; ++t) {
      keys.push_back(batch.keys[d]);
      positions.push_back(t - batch.documents[d]);
    }
  }
  for (const int32_t t : batch.learned) {
    learned_keys.push_back(keys[static_cast<size_t>(t)]);
    learned_positions.push_back(positions[static_cast<size_t>(t)]);
  }
}

double Transformer::loss(const train::Batch& batch) {
  const Rows rows(batch);
  const Pass pass{ops_, scratch_, batch.documents, {rows.keys, rows.positions}, {}};
  forward(pass, batch);
  return head(pass, batch, rows, 0);
}

double Transformer::add_gradients(const train::Batch& batch, const Gradient& gradient) {
  const Rows rows(batch);
  const Pass pass{ops_,
                  scratch_,
                  batch.documents,
                  {rows.keys, rows.positions},
                  DropoutSeed{seed_, gradient.update}};
  forward(pass, batch);
  const double sum = head(pass, batch, rows, gradient.weight);
  if (gradient.weight != 0) backward(pass, batch);
  return sum;
}

void Transformer::forward(const Pass& pass, const train::Batch& batch) const {
  const auto n = static_cast<int64_t>(batch.ids.size());
  network_.embedding.forward(pass, batch.ids, residual(0, n));
  for (size_t i = 0; i < network_.blocks.size(); ++i) {
    network_.blocks[i].forward(pass, residual(i, n), residual(i + 1, n), kept_[i]);
  }
}

double Transformer::head(const Pass& pass, const train::Batch& batch, const Rows& rows,
                         double weight) const {
  const auto n = static_cast<int64_t>(batch.learned.size());
  const at::Tensor x = learned_.matrix(n, d_model_);
  ops_.gather(x, residual(network_.blocks.size(), static_cast<int64_t>(batch.ids.size())),
              batch.learned);
  const at::Tensor normed =
      network_.final_norm.forward(pass, x, scratch_.normed.matrix(n, d_model_));
  const bool below = trained_below(network_.blocks.size()) || network_.final_norm.trained();
  const at::Tensor d_normed = scratch_.d_normed.matrix(n, d_model_);

  double sum = 0;
  for (int64_t begin = 0; begin < n; begin += logit_rows_) {
    const int64_t count = std::min(logit_rows_, n - begin);
    Pass some = pass;
    some.origins = {some_of(rows.learned_keys, begin, count),
                    some_of(rows.learned_positions, begin, count)};
    const at::Tensor logits = logits_.matrix(count, config_.vocab_size);
    const at::Tensor input = normed.narrow(0, begin, count);
    network_.head.forward(some, input, logits, head_lora_);
    sum += ops_.cross_entropy(logits, some_of(batch.labels, begin, count), config_.final_softcap,
                              static_cast<float>(weight));
    if (weight == 0) continue;
    const at::Tensor d_input = below ? d_normed.narrow(0, begin, count) : at::Tensor();
    network_.head.backward(some, input, logits, head_lora_, {d_input});
  }
  if (weight == 0 || !below) return sum;
  const at::Tensor d_x = d_learned_.matrix(n, d_model_);
  network_.final_norm.backward(pass, d_x, d_normed, x, false);
  ops_.scatter(dx_.matrix(static_cast<int64_t>(batch.ids.size()), d_model_), d_x, batch.learned);
  return sum;
}

void Transformer::backward(const Pass& pass, const train::Batch& batch) const {
  const auto n = static_cast<int64_t>(batch.ids.size());
  const at::Tensor dx = dx_.matrix(n, d_model_);
  for (size_t i = network_.blocks.size(); i-- > 0;) {
    const bool below = trained_below(i);
    if (!below && !network_.blocks[i].trained()) return;
    if (recompute_) network_.blocks[i].forward(pass, residual(i, n), {}, kept_[i]);
    network_.blocks[i].backward(pass, residual(i, n), dx, kept_[i], below);
  }
  if (network_.embedding.trained()) network_.embedding.backward(pass, batch.ids, dx);
}

bool Transformer::trained_below(size_t layer) const {
  const auto trained = [](const Block& block) { return block.trained(); };
  const auto end = network_.blocks.begin() + static_cast<std::ptrdiff_t>(layer);
  return network_.embedding.trained() || std::any_of(network_.blocks.begin(), end, trained);
}

}  // namespace nalar::nn
