#include "convert/same_model.h"

#include <cmath>
#include <string_view>

#include "model/rope_frequencies.h"

namespace nalar::convert {
namespace {

// GGUF keeps single precision where JSON has decimals: some roundings of a single apart.
constexpr float kPrecision = 1e-6f;

bool near(float a, float b) { return std::abs(a - b) <= kPrecision * std::abs(a); }

bool same_norm(const std::optional<NormSpec>& a, const std::optional<NormSpec>& b) {
  return a.has_value() == b.has_value() && (!a || a->eps == b->eps);
}

bool same_rope(const std::optional<RopeSpec>& a, const std::optional<RopeSpec>& b) {
  if (!a || !b) return !a && !b;
  if (a->rope_dim != b->rope_dim) return false;
  const model::RopeFrequencies x = model::rope_frequencies(*a), y = model::rope_frequencies(*b);
  if (!near(x.attention_factor, y.attention_factor)) return false;
  for (size_t i = 0; i < x.inverse.size(); ++i) {
    if (!near(x.inverse[i], y.inverse[i])) return false;
  }
  return true;
}

// The name of the first of these that is not the same.
struct Check {
  std::string_view field;
  bool same;
};
template <size_t N>
std::optional<std::string> first_of(const Check (&checks)[N]) {
  for (const Check& check : checks) {
    if (!check.same) return std::string(check.field);
  }
  return std::nullopt;
}

std::optional<std::string> difference(const LayerSpec& x, const LayerSpec& y) {
  const AttentionSpec &a = x.attention, &b = y.attention;
  const FeedForwardSpec &f = x.feed_forward, &g = y.feed_forward;
  const Check checks[] = {
      {"attention_norm", same_norm(x.attention_norm, y.attention_norm)},
      {"attention_post_norm", same_norm(x.attention_post_norm, y.attention_post_norm)},
      {"feed_forward_norm", same_norm(x.feed_forward_norm, y.feed_forward_norm)},
      {"feed_forward_post_norm", same_norm(x.feed_forward_post_norm, y.feed_forward_post_norm)},
      {"number of heads", a.n_heads == b.n_heads && a.n_kv_heads == b.n_kv_heads},
      {"head_dim", a.head_dim == b.head_dim},
      {"scale of the attention scores", near(a.scale, b.scale)},
      {"attention window", a.window == b.window},
      {"softcap of the attention scores", near(a.softcap, b.softcap)},
      {"biases of q, k and v", a.qkv_bias == b.qkv_bias},
      {"bias of the attention output", a.out_bias == b.out_bias},
      {"norms of q and k", same_norm(a.qk_norm, b.qk_norm)},
      {"rope", same_rope(a.rope, b.rope)},
      {"d_ff", f.d_ff == g.d_ff},
      {"activation", f.activation == g.activation},
      {"biases of the feed-forward part", f.bias == g.bias},
  };
  return first_of(checks);
}

}  // namespace

std::optional<std::string> first_difference(const ModelConfig& a, const ModelConfig& b) {
  const Check checks[] = {
      {"d_model", a.d_model == b.d_model},
      {"vocabulary size", a.vocab_size == b.vocab_size},
      {"number of layers", a.layers.size() == b.layers.size()},
      {"tied head", a.tied_head == b.tied_head},
      {"scale of the embedding", near(a.embedding_scale, b.embedding_scale)},
      {"softcap of the logits", near(a.final_softcap, b.final_softcap)},
      {"final norm", same_norm(a.final_norm, b.final_norm)},
      {"context length", a.n_ctx_train == b.n_ctx_train},
  };
  if (const auto field = first_of(checks)) return field;
  for (size_t i = 0; i < a.layers.size(); ++i) {
    const auto field = difference(a.layers[i], b.layers[i]);
    if (field) return *field + " of layer " + std::to_string(i);
  }
  return std::nullopt;
}

}  // namespace nalar::convert
