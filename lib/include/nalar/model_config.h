#pragma once

#include <nalar/export.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nalar {

// Architecture as data: families (lib/model/families) make it from a file's keys, one block reads
// it. Dimension letters: D d_model, N n_heads, K n_kv_heads, H head_dim, F d_ff, V vocab_size.

// Root mean square norm: x / sqrt(mean(x²) + eps) * (weight_offset + w).
struct NormSpec {
  float eps = 1e-5f;
  // 1 where a Hugging Face checkpoint of gemma stores w - 1.
  float weight_offset = 0;
};

enum class RopeStyle {
  half,         // pairs (i, i + rope_dim / 2): Hugging Face, GGUF "neox"
  interleaved,  // pairs (2i, 2i + 1): GGUF "norm"
};

enum class RopeScalingKind { none, linear, llama3, yarn, longrope };

struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::none;
  double factor = 1;
  // llama3: wavelengths over original_context / low_freq_factor are stretched, those under
  // original_context / high_freq_factor are not, between them it is interpolated.
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  int64_t original_context = 0;
  // yarn: pairs that turn more than beta_fast times within original_context stay, those that turn
  // less than beta_slow times are stretched, between them it is interpolated; truncate rounds these
  // bounds to whole pairs.
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;
  double attention_factor = 1;  // cos and sin are multiplied by it
  // What the frequencies (rope_dim / 2 of them) are divided by, when the file gives it (GGUF
  // rope_freqs.weight).
  std::vector<float> freq_factors;
};

struct RopeSpec {
  RopeStyle style = RopeStyle::half;
  double theta = 10000;
  int rope_dim = 0;  // rotated width of a head, ≤ head_dim, even
  RopeScaling scaling;
};

struct AttentionSpec {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  float scale = 0;    // the scores' multiplier, usually head_dim^-0.5
  int window = 0;     // position p sees p - window + 1 … p; 0 = all before it
  float softcap = 0;  // scores become softcap * tanh(scores / softcap); 0 = off
  bool qkv_bias = false;
  bool out_bias = false;
  std::optional<NormSpec> qk_norm;  // over each head of q and of k, before rope
  std::optional<RopeSpec> rope;     // none: no position
};

enum class Activation { silu, gelu_tanh, gelu };

// down(activation(gate(x)) * up(x))
struct FeedForwardSpec {
  int d_ff = 0;
  Activation activation = Activation::silu;
  bool bias = false;
};

// x += post(attention(pre(x))); x += post(feed_forward(pre(x)))
struct LayerSpec {
  std::optional<NormSpec> attention_norm;       // before attention
  std::optional<NormSpec> attention_post_norm;  // on its output, before it is added
  std::optional<NormSpec> feed_forward_norm;
  std::optional<NormSpec> feed_forward_post_norm;
  AttentionSpec attention;
  FeedForwardSpec feed_forward;
};

// Values for generation that a model file brings along (generation_config.json,
// general.sampling.*).
struct GenerationDefaults {
  std::optional<float> temperature;
  std::optional<int> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> typical_p;
  std::optional<float> repeat_penalty;
  std::optional<bool> do_sample;  // false: greedy
  std::vector<int32_t> eos_ids;   // generation_config.json's eos_token_id
  std::string source;  // "generation_config.json", "general.sampling.* of the GGUF", or empty
};

struct ModelConfig {
  std::string family;  // "llama", "qwen2", "qwen3", "gemma3"
  std::string name;    // what the file calls the model, for people; may be empty
  int d_model = 0;
  int vocab_size = 0;         // rows of the embedding
  int n_ctx_train = 0;        // positions it was trained for
  bool tied_head = false;     // the head is the embedding
  float embedding_scale = 1;  // gemma: sqrt(d_model)
  float final_softcap = 0;    // logits become softcap * tanh(logits / softcap); 0 = off
  NormSpec final_norm;
  std::vector<LayerSpec> layers;
  GenerationDefaults generation;

  int n_layers() const { return static_cast<int>(layers.size()); }
  // Every invariant the engines rely on, in one place. Throws Error(bad_data) that names the field.
  NALAR_API void validate() const;
};

}  // namespace nalar
