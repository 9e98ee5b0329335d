#include "model/weights.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "base/utf8.h"

namespace nalar::model {
namespace {

using enum TensorRole;

struct LayerWalk {
  const std::function<void(const TensorSlot&)>& visit;
  int layer;

  void operator()(bool wanted, TensorRole role, std::vector<int64_t> shape,
                  TensorView& view) const {
    if (wanted) visit({{role, layer}, std::move(shape), &view});
  }
};

void walk_layer(const LayerSpec& spec, int64_t d_model, LayerWeights& w, const LayerWalk& walk) {
  const AttentionSpec& attention = spec.attention;
  const int64_t H = attention.head_dim;
  const int64_t q_width = attention.n_heads * H;
  const int64_t kv_width = attention.n_kv_heads * H;
  walk(spec.attention_norm.has_value(), attention_norm, {d_model}, w.attention_norm);
  walk(true, q, {q_width, d_model}, w.q);
  walk(true, k, {kv_width, d_model}, w.k);
  walk(true, v, {kv_width, d_model}, w.v);
  walk(attention.qkv_bias, q_bias, {q_width}, w.q_bias);
  walk(attention.qkv_bias, k_bias, {kv_width}, w.k_bias);
  walk(attention.qkv_bias, v_bias, {kv_width}, w.v_bias);
  walk(attention.qk_norm.has_value(), q_norm, {H}, w.q_norm);
  walk(attention.qk_norm.has_value(), k_norm, {H}, w.k_norm);
  walk(true, o, {d_model, q_width}, w.o);
  walk(attention.out_bias, o_bias, {d_model}, w.o_bias);
  walk(spec.attention_post_norm.has_value(), attention_post_norm, {d_model}, w.attention_post_norm);

  const int64_t F = spec.feed_forward.d_ff;
  const bool bias = spec.feed_forward.bias;
  walk(spec.feed_forward_norm.has_value(), feed_forward_norm, {d_model}, w.feed_forward_norm);
  walk(true, gate, {F, d_model}, w.gate);
  walk(bias, gate_bias, {F}, w.gate_bias);
  walk(true, up, {F, d_model}, w.up);
  walk(bias, up_bias, {F}, w.up_bias);
  walk(true, down, {d_model, F}, w.down);
  walk(bias, down_bias, {d_model}, w.down_bias);
  walk(spec.feed_forward_post_norm.has_value(), feed_forward_post_norm, {d_model},
       w.feed_forward_post_norm);
}

[[noreturn]] void fail(std::string_view name, std::string_view what) {
  throw Error(ErrorKind::bad_data, fmt::format("tensor {}{}", base::escaped(name), what));
}

void check_tensor(const TensorView& found, const TensorSlot& slot) {
  if (found.shape != slot.shape) {
    fail(found.name,
         fmt::format(": got shape {}, need {}", shape_text(found.shape), shape_text(slot.shape)));
  }
  const bool vector = slot.shape.size() == 1;
  if (!is_weight_type(found.dtype) || (vector && is_quantized(found.dtype))) {
    fail(found.name,
         fmt::format(": got type {}, need {}", name(found.dtype),
                     vector ? "F32, F16 or BF16" : "F32, F16, BF16 or a GGUF block type"));
  }
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool uses_freq_factors(const ModelConfig& config) {
  return std::any_of(config.layers.begin(), config.layers.end(), [](const LayerSpec& layer) {
    return layer.attention.rope && !layer.attention.rope->scaling.freq_factors.empty();
  });
}

// What a file may hold besides: tables that some converters wrote and every reader computes anew,
// and the parts that see of a model whose text part is read.
bool is_harmless(std::string_view name, const ModelConfig& config) {
  if (name == "rope_freqs.weight") return uses_freq_factors(config);
  if (ends_with(name, ".rotary_emb.inv_freq") || ends_with(name, ".attn_rot_embd.weight")) {
    return true;
  }
  for (const std::string_view part : {"vision_tower.", "multi_modal_projector.",
                                      "model.vision_tower.", "model.multi_modal_projector."}) {
    if (name.substr(0, part.size()) == part) return true;
  }
  return false;
}

// transformers writes a tied head sometimes; which of the two is meant is clear only if they are
// equal.
bool is_copy_of_embedding(const TensorView& tensor, const TensorView& embedding) {
  return tensor.dtype == embedding.dtype && tensor.shape == embedding.shape &&
         tensor.bytes.size() == embedding.bytes.size() &&
         std::memcmp(tensor.bytes.data(), embedding.bytes.data(), tensor.bytes.size()) == 0;
}

}  // namespace

void for_each_tensor(const ModelConfig& config, Weights& weights,
                     const std::function<void(const TensorSlot&)>& visit) {
  const int64_t D = config.d_model;
  const int64_t V = config.vocab_size;
  const LayerWalk model{visit, -1};
  model(true, embedding, {V, D}, weights.embedding);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    walk_layer(config.layers[i], D, weights.layers[i], LayerWalk{visit, static_cast<int>(i)});
  }
  model(true, final_norm, {D}, weights.final_norm);
  model(!config.tied_head, head, {V, D}, weights.head);
}

Weights bind_weights(const ModelConfig& config, const io::TensorFile& file,
                     const TensorNaming& naming) {
  Weights weights;
  weights.layers.resize(config.layers.size());
  for_each_tensor(config, weights, [&](const TensorSlot& slot) {
    const std::string name = naming.name(slot.tensor);
    const TensorView* found = file.find(name);
    if (!found) fail(name, " is missing");
    check_tensor(*found, slot);
    *slot.view = *found;
  });
  if (config.tied_head) weights.head = weights.embedding;
  return weights;
}

std::vector<TensorView> unknown_tensors(const ModelConfig& config, const Weights& weights,
                                        const io::TensorFile& file, const TensorNaming& naming) {
  std::unordered_set<std::string_view> bound;
  Weights walked = weights;
  for_each_tensor(config, walked, [&](const TensorSlot& slot) { bound.insert(slot.view->name); });
  const std::string head_name = naming.name({head});
  std::vector<TensorView> unknown;
  for (const TensorView& tensor : file.tensors()) {
    if (bound.count(tensor.name) || is_harmless(tensor.name, config)) continue;
    if (tensor.name != head_name || !config.tied_head) {
      unknown.push_back(tensor);
    } else if (!is_copy_of_embedding(tensor, weights.embedding)) {
      fail(tensor.name, " differs from the embedding that it should be tied to");
    }
  }
  return unknown;
}

std::string describe_kept(const std::vector<TensorView>& unknown, std::string_view family,
                          bool in_gguf) {
  constexpr size_t kNamed = 3;
  const bool one = unknown.size() == 1;
  std::string text =
      fmt::format("kept as they are: {} tensor{} not known in a {} model:", unknown.size(),
                  one ? " that is" : "s that are", family);
  for (size_t i = 0; i < std::min(kNamed, unknown.size()); ++i) {
    text += fmt::format("{} {}", i > 0 ? "," : "", base::escaped(unknown[i].name));
  }
  if (unknown.size() > kNamed) text += ", …";
  return text + (in_gguf ? "; llama.cpp opens no file with tensors that it does not know" : "");
}

void refuse_unknown(const std::vector<TensorView>& unknown, std::string_view family) {
  const size_t others = unknown.size() - 1;
  const std::string more = others == 0   ? ""
                           : others == 1 ? ", nor is another one"
                                         : fmt::format(", nor are {} others", others);
  throw Error(ErrorKind::bad_data,
              fmt::format("tensor {} is not known in a {} model{}",
                          base::escaped(unknown.front().name), family, more),
              "nalar convert and quantize carry such tensors along with --keep-unknown-tensors");
}

}  // namespace nalar::model
