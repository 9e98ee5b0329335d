#include "model/tensor_names.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace nalar::model {

struct TensorWords {
  TensorRole role;
  std::string_view canonical, hf, hf_sandwich, gguf;  // empty: the format has no such tensor
};

namespace {

using enum TensorRole;

constexpr TensorWords kModelWords[] = {
    {embedding, "embedding.weight", "embed_tokens.weight", "embed_tokens.weight",
     "token_embd.weight"},
    {final_norm, "final_norm.weight", "norm.weight", "norm.weight", "output_norm.weight"},
    {head, "lm_head.weight", "lm_head.weight", "lm_head.weight", "output.weight"},
};

constexpr TensorWords kLayerWords[] = {
    {attention_norm, "attention_norm.weight", "input_layernorm.weight", "input_layernorm.weight",
     "attn_norm.weight"},
    {attention_post_norm, "attention_post_norm.weight", "", "post_attention_layernorm.weight",
     "post_attention_norm.weight"},
    {feed_forward_norm, "feed_forward_norm.weight", "post_attention_layernorm.weight",
     "pre_feedforward_layernorm.weight", "ffn_norm.weight"},
    {feed_forward_post_norm, "feed_forward_post_norm.weight", "",
     "post_feedforward_layernorm.weight", "post_ffw_norm.weight"},
    {q, "q_proj.weight", "self_attn.q_proj.weight", "self_attn.q_proj.weight", "attn_q.weight"},
    {k, "k_proj.weight", "self_attn.k_proj.weight", "self_attn.k_proj.weight", "attn_k.weight"},
    {v, "v_proj.weight", "self_attn.v_proj.weight", "self_attn.v_proj.weight", "attn_v.weight"},
    {o, "o_proj.weight", "self_attn.o_proj.weight", "self_attn.o_proj.weight",
     "attn_output.weight"},
    {q_bias, "q_proj.bias", "self_attn.q_proj.bias", "self_attn.q_proj.bias", "attn_q.bias"},
    {k_bias, "k_proj.bias", "self_attn.k_proj.bias", "self_attn.k_proj.bias", "attn_k.bias"},
    {v_bias, "v_proj.bias", "self_attn.v_proj.bias", "self_attn.v_proj.bias", "attn_v.bias"},
    {o_bias, "o_proj.bias", "self_attn.o_proj.bias", "self_attn.o_proj.bias", "attn_output.bias"},
    {q_norm, "q_norm.weight", "self_attn.q_norm.weight", "self_attn.q_norm.weight",
     "attn_q_norm.weight"},
    {k_norm, "k_norm.weight", "self_attn.k_norm.weight", "self_attn.k_norm.weight",
     "attn_k_norm.weight"},
    {gate, "gate_proj.weight", "mlp.gate_proj.weight", "mlp.gate_proj.weight", "ffn_gate.weight"},
    {up, "up_proj.weight", "mlp.up_proj.weight", "mlp.up_proj.weight", "ffn_up.weight"},
    {down, "down_proj.weight", "mlp.down_proj.weight", "mlp.down_proj.weight", "ffn_down.weight"},
    {gate_bias, "gate_proj.bias", "mlp.gate_proj.bias", "mlp.gate_proj.bias", "ffn_gate.bias"},
    {up_bias, "up_proj.bias", "mlp.up_proj.bias", "mlp.up_proj.bias", "ffn_up.bias"},
    {down_bias, "down_proj.bias", "mlp.down_proj.bias", "mlp.down_proj.bias", "ffn_down.bias"},
};

bool is_hf(NameScheme scheme) {
  return scheme == NameScheme::hf || scheme == NameScheme::hf_sandwich;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

bool is_norm(TensorRole role) {
  constexpr TensorRole kNorms[] = {
      final_norm, attention_norm, attention_post_norm, feed_forward_norm, feed_forward_post_norm,
      q_norm,     k_norm};
  return std::find(std::begin(kNorms), std::end(kNorms), role) != std::end(kNorms);
}

TensorNaming::TensorNaming(NameScheme scheme, std::string_view root)
    : scheme_(scheme), root_(is_hf(scheme) ? root : "") {
  layer_prefix_ = root_ + (scheme == NameScheme::gguf ? "blk." : "layers.");
}

std::string_view TensorNaming::word(const TensorWords& words) const {
  switch (scheme_) {
    case NameScheme::canonical:
      return words.canonical;
    case NameScheme::hf:
      return words.hf;
    case NameScheme::hf_sandwich:
      return words.hf_sandwich;
    case NameScheme::gguf:
      return words.gguf;
  }
  return {};
}

std::string TensorNaming::name(TensorName tensor) const {
  for (const TensorWords& words : kModelWords) {
    if (words.role != tensor.role) continue;
    return (words.role == head ? std::string() : root_) + std::string(word(words));
  }
  for (const TensorWords& words : kLayerWords) {
    if (words.role != tensor.role) continue;
    return layer_prefix_ + std::to_string(tensor.layer) + "." + std::string(word(words));
  }
  return {};
}

std::optional<TensorName> TensorNaming::parse(std::string_view name) const {
  for (const TensorWords& words : kModelWords) {
    std::string_view rest = name;
    if (words.role != head && !take_prefix(rest, root_)) continue;
    if (rest == word(words)) return TensorName{words.role, -1};
  }
  if (!take_prefix(name, layer_prefix_)) return std::nullopt;
  int layer = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  const bool plain = error == std::errc() && layer >= 0 && (layer == 0 || name[0] != '0');
  name.remove_prefix(static_cast<size_t>(end - name.data()));
  if (!plain || !take_prefix(name, ".")) return std::nullopt;
  for (const TensorWords& words : kLayerWords) {
    if (!word(words).empty() && name == word(words)) return TensorName{words.role, layer};
  }
  return std::nullopt;
}

}  // namespace nalar::model
