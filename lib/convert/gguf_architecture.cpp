#include "convert/gguf_architecture.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/rope_frequencies.h"

namespace nalar::convert {
namespace {

// Keys "<architecture>.…".
class ArchitectureKeys {
 public:
  ArchitectureKeys(io::GgufKeys& keys, std::string_view architecture)
      : keys_(keys), prefix_(std::string(architecture) + ".") {}

  void size(std::string_view key, int64_t value) {
    keys_.set_u32(prefix_ + std::string(key), static_cast<uint32_t>(value));
  }
  void number(std::string_view key, double value) {
    keys_.set_f32(prefix_ + std::string(key), static_cast<float>(value));
  }
  void text(std::string_view key, std::string_view value) {
    keys_.set(prefix_ + std::string(key), value);
  }
  void flags(std::string_view key, const std::vector<bool>& values) {
    keys_.set(prefix_ + std::string(key), values);
  }
  std::string path_of(std::string_view key) const { return prefix_ + std::string(key); }

 private:
  io::GgufKeys& keys_;
  std::string prefix_;
};

void set_shape(const ModelConfig& config, ArchitectureKeys& keys) {
  const AttentionSpec& attention = config.layers.front().attention;
  keys.size("block_count", config.n_layers());
  keys.size("context_length", config.n_ctx_train);
  keys.size("embedding_length", config.d_model);
  keys.size("feed_forward_length", config.layers.front().feed_forward.d_ff);
  keys.size("attention.head_count", attention.n_heads);
  keys.size("attention.head_count_kv", attention.n_kv_heads);
  keys.size("attention.key_length", attention.head_dim);
  keys.size("attention.value_length", attention.head_dim);
  keys.number("attention.layer_norm_rms_epsilon", config.final_norm.eps);
  keys.size("vocab_size", config.vocab_size);
}

void set_yarn(const RopeScaling& scaling, ArchitectureKeys& keys) {
  keys.text("rope.scaling.type", "yarn");
  keys.number("rope.scaling.factor", scaling.factor);
  keys.size("rope.scaling.original_context_length", scaling.original_context);
  const RopeScaling usual;
  if (scaling.beta_fast != usual.beta_fast) {
    keys.number("rope.scaling.yarn_beta_fast", scaling.beta_fast);
  }
  if (scaling.beta_slow != usual.beta_slow) {
    keys.number("rope.scaling.yarn_beta_slow", scaling.beta_slow);
  }
  // Readers compute YaRN's own magnitude and multiply it by this.
  const double magnitude = scaling.attention_factor / model::yarn_magnitude(scaling.factor);
  if (magnitude != 1) keys.number("rope.scaling.attn_factor", magnitude);
}

void set_rope(const RopeSpec& rope, ArchitectureKeys& keys) {
  keys.size("rope.dimension_count", rope.rope_dim);
  keys.number("rope.freq_base", rope.theta);
  switch (rope.scaling.kind) {
    case RopeScalingKind::linear:
      keys.text("rope.scaling.type", "linear");
      keys.number("rope.scaling.factor", rope.scaling.factor);
      break;
    case RopeScalingKind::yarn:
      set_yarn(rope.scaling, keys);
      break;
    case RopeScalingKind::llama3:
      // Nothing is computed from it: rope_freqs.weight has what the scaling comes to. It shows the
      // way back.
      keys.size("rope.scaling.original_context_length", rope.scaling.original_context);
      break;
    case RopeScalingKind::none:
    case RopeScalingKind::longrope:
      break;
  }
}

// The kind of the layer that sees everything, where there is one.
const LayerSpec& widest_layer(const ModelConfig& config) {
  for (const LayerSpec& layer : config.layers) {
    if (layer.attention.window == 0) return layer;
  }
  return config.layers.front();
}

bool is_gemma(const ModelConfig& config) { return config.family == "gemma3"; }

void set_windows(const ModelConfig& config, ArchitectureKeys& keys,
                 std::vector<std::string>& notices) {
  std::vector<bool> local;
  int window = 0;
  for (const LayerSpec& layer : config.layers) {
    local.push_back(layer.attention.window > 0);
    window = std::max(window, layer.attention.window);
  }
  if (window == 0) return;
  keys.size("attention.sliding_window", window);
  const bool all = std::find(local.begin(), local.end(), false) == local.end();
  if (!is_gemma(config)) {
    if (!all) keys.flags("attention.sliding_window_pattern", local);
    notices.push_back(fmt::format(
        "key {}: llama.cpp attends to everything in this architecture, so its answers differ where "
        "a text is longer than {} tokens",
        keys.path_of("attention.sliding_window"), window));
    return;
  }
  constexpr int kPattern = 6;  // what readers assume of gemma3
  for (size_t i = 0; i < local.size(); ++i) {
    if (local[i] == ((i + 1) % kPattern != 0)) continue;
    keys.flags("attention.sliding_window_pattern", local);
    notices.push_back(
        fmt::format("key {}: other layers attend within the window than in published models; some "
                    "readers expect a number here",
                    keys.path_of("attention.sliding_window_pattern")));
    return;
  }
}

// Gemma's layers within the window turn with their own base.
void set_local_base(const ModelConfig& config, ArchitectureKeys& keys) {
  for (const LayerSpec& layer : config.layers) {
    if (layer.attention.window == 0 || !layer.attention.rope) continue;
    return keys.number("rope.freq_base_swa", layer.attention.rope->theta);
  }
}

}  // namespace

void set_architecture(const ModelConfig& config, io::GgufKeys& keys,
                      std::vector<std::string>& notices) {
  keys.set("general.architecture", config.family);
  ArchitectureKeys own(keys, config.family);
  set_shape(config, own);
  const AttentionSpec& attention = widest_layer(config).attention;
  if (attention.rope) set_rope(*attention.rope, own);
  set_windows(config, own, notices);
  if (is_gemma(config)) {
    set_local_base(config, own);
    if (attention.softcap > 0) own.number("attn_logit_softcapping", attention.softcap);
    if (config.final_softcap > 0) own.number("final_logit_softcapping", config.final_softcap);
  }
}

std::vector<float> rope_factors(const ModelConfig& config) {
  const auto& rope = widest_layer(config).attention.rope;
  if (!rope) return {};
  if (rope->scaling.kind != RopeScalingKind::llama3) return rope->scaling.freq_factors;
  RopeSpec plain = *rope;
  plain.scaling = {};
  const std::vector<float> whole = model::rope_frequencies(plain).inverse;
  std::vector<float> factors = model::rope_frequencies(*rope).inverse;
  for (size_t i = 0; i < factors.size(); ++i) factors[i] = whole[i] / factors[i];
  return factors;
}

}  // namespace nalar::convert
