#pragma once

#include <nalar/model_config.h>

#include <span>
#include <string_view>

#include "model/gguf_config.h"
#include "model/hf_config.h"

// A family maps the keys of its files to a ModelConfig; nothing else in nalar knows it by name.
namespace nalar::model {

struct Family {
  std::string_view name;
  std::span<const std::string_view> hf_model_types;  // config.json's model_type
  std::span<const std::string_view> hf_classes;      // and the classes in its architectures
  std::span<const std::string_view> gguf_architectures;
  ModelConfig (*from_hf)(HfConfig& config);
  ModelConfig (*from_gguf)(GgufConfig& config);
};

extern const Family kLlama, kQwen2, kQwen3, kGemma3;

// Errors: bad_data for a name that no family has.
const Family& family_of_hf(HfConfig& config);
const Family& family_of_gguf(const GgufConfig& config);

// The sizes that every decoder declares.
struct DecoderShape {
  int d_model = 0;
  int d_ff = 0;
  int n_layers = 0;
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int n_ctx_train = 0;
  NormSpec norm;
};

// Values of transformers' configuration classes for absent keys; 0 = the key must be there, for
// head_dim d_model / n_heads, for n_kv_heads n_heads.
struct HfDefaults {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int n_ctx_train = 0;
  double norm_eps = 1e-6;
};

DecoderShape hf_shape(HfConfig& config, const HfDefaults& defaults);
DecoderShape gguf_shape(GgufConfig& config);

// A model of shape.n_layers equal layers: norms before attention and feed-forward, silu, full
// attention with head_dim^-0.5, no rope yet. Families change what differs.
ModelConfig plain_decoder(std::string_view family, const DecoderShape& shape);
void set_rope(ModelConfig& config, const RopeSpec& rope);
// Throws unless the activation is named as silu (or "swish", another word for it).
void check_silu(HfConfig& config);
// Whether layer i attends only within the window: layer_types where the config has it, else
// `otherwise`. Throws for a list of another length or an unknown word.
std::vector<bool> hf_local_layers(HfConfig& config, const std::vector<bool>& otherwise);
// All layers but every `pattern`-th.
std::vector<bool> local_by_pattern(int n_layers, int64_t pattern);
// The same from attention.sliding_window_pattern: a list of booleans, a number, or absent.
std::vector<bool> gguf_local_layers(GgufConfig& config, int n_layers, int pattern);
// The window of qwen2 and qwen3: use_sliding_window, sliding_window, max_window_layers,
// layer_types.
void set_qwen_windows(HfConfig& config, ModelConfig& model);
// The same from attention.sliding_window, of all layers or of those that its pattern lists.
void set_gguf_windows(GgufConfig& config, ModelConfig& model);

}  // namespace nalar::model
