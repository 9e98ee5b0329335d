#include "nn/transformer.h"

#include <algorithm>

namespace nalar::nn {
namespace {

using model::TensorRole;

constexpr int64_t kLogits = int64_t{16} << 20;  // made at a time

template <typename T>
std::span<const T> some_of(const std::vector<T>& values, int64_t begin, int64_t n) {
  return std::span(values).subspan(static_cast<size_t>(begin), static_cast<size_t>(n));
}

Attention make_attention(Builder& builder, int layer, const AttentionSpec& spec,
                         const LayerWeights& w, const RopeTable* rope) {
  Linear q = builder.linear({TensorRole::q, layer}, w.q, {TensorRole::q_bias, layer}, w.q_bias);
  Linear k = builder.linear({TensorRole::k, layer}, w.k, {TensorRole::k_bias, layer}, w.k_bias);
  Linear v = builder.linear({TensorRole::v, layer}, w.v, {TensorRole::v_bias, layer}, w.v_bias);
  Norm q_norm = builder.norm(spec.qk_norm, {TensorRole::q_norm, layer}, w.q_norm);
  Norm k_norm = builder.norm(spec.qk_norm, {TensorRole::k_norm, layer}, w.k_norm);
  Linear o = builder.linear({TensorRole::o, layer}, w.o, {TensorRole::o_bias, layer}, w.o_bias);
  return Attention(spec, rope,
                   {std::move(q), std::move(k), std::move(v), std::move(o), std::move(q_norm),
                    std::move(k_norm)});
}

FeedForward make_feed_forward(Builder& b, int layer, const FeedForwardSpec& spec,
                              const LayerWeights& w) {
  Linear gate =
      b.linear({TensorRole::gate, layer}, w.gate, {TensorRole::gate_bias, layer}, w.gate_bias);
  Linear up = b.linear({TensorRole::up, layer}, w.up, {TensorRole::up_bias, layer}, w.up_bias);
  Linear down =
      b.linear({TensorRole::down, layer}, w.down, {TensorRole::down_bias, layer}, w.down_bias);
  return FeedForward(spec.activation, {std::move(gate), std::move(up), std::move(down)});
}

// In the order of the forward pass, which is the parameters' order.
Block make_block(Builder& b, int layer, const LayerSpec& spec, const LayerWeights& w,
                 const RopeTable* rope) {
  Norm attention_norm =
      b.norm(spec.attention_norm, {TensorRole::attention_norm, layer}, w.attention_norm);
  Attention attention = make_attention(b, layer, spec.attention, w, rope);
  Norm attention_post = b.norm(spec.attention_post_norm, {TensorRole::attention_post_norm, layer},
                               w.attention_post_norm);
  Norm feed_forward_norm =
      b.norm(spec.feed_forward_norm, {TensorRole::feed_forward_norm, layer}, w.feed_forward_norm);
  FeedForward feed_forward = make_feed_forward(b, layer, spec.feed_forward, w);
  Norm feed_forward_post =
      b.norm(spec.feed_forward_post_norm, {TensorRole::feed_forward_post_norm, layer},
             w.feed_forward_post_norm);
  return {{std::move(attention_norm), std::move(attention), std::move(attention_post)},
          {std::move(feed_forward_norm), std::move(feed_forward), std::move(feed_forward_post)}};
}

std::vector<Block> make_blocks(Builder& builder, const Model& model, const RopeTables& ropes) {
  std::vector<Block> blocks;
  for (int i = 0; i < model.config().n_layers(); ++i) {
    const auto at = static_cast<size_t>(i);
    blocks.push_back(make_block(builder, i, model.config().layers[at], model.weights().layers[at],
                                ropes.of_layer(i)));
  }
  return blocks;
}

}  // namespace

Transformer::Transformer(const Model& model, const train::TrainableOptions& options, const Ops& ops,
                         Builder builder)
    : config_(model.config()),
      ops_(ops),
      seed_(options.seed),
      d_model_(config_.d_model),
      embedding_(builder.embedding()),
      ropes_(config_, ops, options.batch_tokens),
      blocks_(make_blocks(builder, model, ropes_)),
      final_norm_(
          builder.norm(config_.final_norm, {TensorRole::final_norm}, model.weights().final_norm)),
      head_(builder.head()),
      weight_bytes_(builder.weight_bytes()) {}

void Transformer::take(Arena& arena, int64_t rows, bool recompute) {
  rows_ = rows;
  recompute_ = recompute;
  const auto wide = [&](int64_t n) { return arena.take(n, ops_.wide); };
  for (size_t i = 0; i <= blocks_.size(); ++i) residual_.push_back(wide(rows * d_model_));
  kept_ = take_kept(arena);
  scratch_ = take_scratch(arena);
  dx_ = wide(rows * d_model_);
  learned_ = wide(rows * d_model_);
  d_learned_ = wide(rows * d_model_);
  logit_rows_ = std::clamp<int64_t>(kLogits / config_.vocab_size, 1, rows);
  logits_ = arena.take(logit_rows_ * config_.vocab_size, ops_.work);
  head_lora_ = wide(logit_rows_ * head_.rank());
}

std::vector<Block::Kept> Transformer::take_kept(Arena& arena) const {
  std::vector<Block::Kept> kept;
  std::vector<std::vector<int64_t>> sizes;
  for (const Block& block : blocks_) {
    Arena counting = Arena::counting();
    block.take(counting, ops_, rows_, d_model_);
    sizes.push_back(counting.sizes());
    const auto same = std::find(sizes.begin(), sizes.end(), counting.sizes());
    if (recompute_ && same + 1 != sizes.end()) {
      kept.push_back(kept[static_cast<size_t>(same - sizes.begin())]);
    } else {
      kept.push_back(block.take(arena, ops_, rows_, d_model_));
    }
  }
  return kept;
}

Scratch Transformer::take_scratch(Arena& arena) const {
  int64_t q = 0, kv = 0, d_ff = 0, rank = embedding_.rank(), dropped = 0;
  const auto see = [&](const Linear& linear) {
    rank = std::max(rank, linear.rank());
    if (linear.drops()) dropped = std::max(dropped, linear.in());
  };
  for (const Block& block : blocks_) {
    const Attention::Parts& a = block.attention.inner().parts();
    const FeedForward::Parts& f = block.feed_forward.inner().parts();
    q = std::max(q, a.q.out());
    kv = std::max(kv, a.k.out());
    d_ff = std::max(d_ff, f.gate.out());
    for (const Linear* l : {&a.q, &a.k, &a.v, &a.o, &f.gate, &f.up, &f.down}) see(*l);
  }
  see(head_);
  const auto work = [&](int64_t columns) { return arena.take(rows_ * columns, ops_.work); };
  const auto wide = [&](int64_t columns) { return arena.take(rows_ * columns, ops_.wide); };
  Scratch s;
  s.normed = work(d_model_), s.branch = work(d_model_);
  s.d_branch = work(d_model_), s.d_normed = work(d_model_);
  s.hidden = work(d_ff), s.d_hidden = work(d_ff);
  s.d_attended = work(q), s.dq = work(q), s.dk = work(kv), s.dv = work(kv);
  s.lora = wide(rank);
  s.dropped = wide(dropped), s.mask = wide(dropped);
  return s;
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
  embedding_.forward(pass, batch.ids, residual(0, n));
  for (size_t i = 0; i < blocks_.size(); ++i) {
    blocks_[i].forward(pass, residual(i, n), residual(i + 1, n), kept_[i]);
  }
}

double Transformer::head(const Pass& pass, const train::Batch& batch, const Rows& rows,
                         double weight) const {
  const auto n = static_cast<int64_t>(batch.learned.size());
  const at::Tensor x = learned_.matrix(n, d_model_);
  ops_.gather(x, residual(blocks_.size(), static_cast<int64_t>(batch.ids.size())), batch.learned);
  const at::Tensor normed = final_norm_.forward(pass, x, scratch_.normed.matrix(n, d_model_));
  const bool below = trained_below(blocks_.size()) || final_norm_.trained();
  const at::Tensor d_normed = scratch_.d_normed.matrix(n, d_model_);

  double sum = 0;
  for (int64_t begin = 0; begin < n; begin += logit_rows_) {
    const int64_t count = std::min(logit_rows_, n - begin);
    Pass some = pass;
    some.origins = {some_of(rows.learned_keys, begin, count),
                    some_of(rows.learned_positions, begin, count)};
    const at::Tensor logits = logits_.matrix(count, config_.vocab_size);
    const at::Tensor input = normed.narrow(0, begin, count);
    head_.forward(some, input, logits, head_lora_);
    sum += ops_.cross_entropy(logits, some_of(batch.labels, begin, count), config_.final_softcap,
                              static_cast<float>(weight));
    if (weight == 0) continue;
    const at::Tensor d_input = below ? d_normed.narrow(0, begin, count) : at::Tensor();
    head_.backward(some, input, logits, head_lora_, {d_input});
  }
  if (weight == 0 || !below) return sum;
  const at::Tensor d_x = d_learned_.matrix(n, d_model_);
  final_norm_.backward(pass, d_x, d_normed, x, false);
  ops_.scatter(dx_.matrix(static_cast<int64_t>(batch.ids.size()), d_model_), d_x, batch.learned);
  return sum;
}

void Transformer::backward(const Pass& pass, const train::Batch& batch) const {
  const auto n = static_cast<int64_t>(batch.ids.size());
  const at::Tensor dx = dx_.matrix(n, d_model_);
  for (size_t i = blocks_.size(); i-- > 0;) {
    const bool below = trained_below(i);
    if (!below && !blocks_[i].trained()) return;
    if (recompute_) blocks_[i].forward(pass, residual(i, n), {}, kept_[i]);
    blocks_[i].backward(pass, residual(i, n), dx, kept_[i], below);
  }
  if (embedding_.trained()) embedding_.backward(pass, batch.ids, dx);
}

bool Transformer::trained_below(size_t layer) const {
  const auto trained = [](const Block& block) { return block.trained(); };
  const auto end = blocks_.begin() + static_cast<std::ptrdiff_t>(layer);
  return embedding_.trained() || std::any_of(blocks_.begin(), end, trained);
}

}  // namespace nalar::nn
