#include "nn/network.h"

#include <algorithm>

namespace nalar::nn {
namespace {

using model::TensorRole;

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

Network::Network(const Model& model, const RopeTables& ropes, Builder& builder)
    : embedding(builder.embedding()),
      blocks(make_blocks(builder, model, ropes)),
      final_norm(builder.norm(model.config().final_norm, {TensorRole::final_norm},
                              model.weights().final_norm)),
      head(builder.head()) {}

std::vector<Block::Kept> Network::take_kept(Arena& arena, const Ops& ops, int64_t rows,
                                            bool in_turn) const {
  std::vector<Block::Kept> kept;
  std::vector<std::vector<int64_t>> sizes;
  for (const Block& block : blocks) {
    Arena counting = Arena::counting();
    block.take(counting, ops, rows, d_model());
    sizes.push_back(counting.sizes());
    const auto same = std::find(sizes.begin(), sizes.end(), counting.sizes());
    if (in_turn && same + 1 != sizes.end()) {
      kept.push_back(kept[static_cast<size_t>(same - sizes.begin())]);
    } else {
      kept.push_back(block.take(arena, ops, rows, d_model()));
    }
  }
  return kept;
}

Scratch Network::take_scratch(Arena& arena, const Ops& ops, int64_t rows, bool gradients) const {
  int64_t q = 0, kv = 0, d_ff = 0, rank = embedding.rank(), dropped = 0;
  const auto see = [&](const Linear& linear) {
    rank = std::max(rank, linear.rank());
    if (linear.drops()) dropped = std::max(dropped, linear.in());
  };
  for (const Block& block : blocks) {
    const Attention::Parts& a = block.attention.inner().parts();
    const FeedForward::Parts& f = block.feed_forward.inner().parts();
    q = std::max(q, a.q.out());
    kv = std::max(kv, a.k.out());
    d_ff = std::max(d_ff, f.gate.out());
    for (const Linear* l : {&a.q, &a.k, &a.v, &a.o, &f.gate, &f.up, &f.down}) see(*l);
  }
  see(head);
  const auto work = [&](int64_t columns) { return arena.take(rows * columns, ops.work); };
  const auto wide = [&](int64_t columns) { return arena.take(rows * columns, ops.wide); };
  Scratch s;
  s.normed = work(d_model()), s.branch = work(d_model()), s.hidden = work(d_ff);
  if (!gradients) return s;
  s.d_branch = work(d_model()), s.d_normed = work(d_model()), s.d_hidden = work(d_ff);
  s.d_attended = work(q), s.dq = work(q), s.dk = work(kv), s.dv = work(kv);
  s.lora = wide(rank);
  s.dropped = wide(dropped), s.mask = wide(dropped);
  return s;
}

}  // namespace nalar::nn
