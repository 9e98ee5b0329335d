#include "model/families/family.h"
#include "model/rope_config.h"

// Qwen 3 (dense): norms over each head of q and k before rope, no biases, its own head_dim.
namespace nalar::model {
namespace {

constexpr std::string_view kNames[] = {"qwen3"};
constexpr std::string_view kClasses[] = {"Qwen3ForCausalLM"};

void set_qk_norm(ModelConfig& model) {
  for (LayerSpec& layer : model.layers) layer.attention.qk_norm = model.final_norm;
}

ModelConfig from_hf(HfConfig& config) {
  HfDefaults defaults;
  defaults.n_kv_heads = 32;
  defaults.head_dim = 128;
  defaults.n_ctx_train = 32768;
  const DecoderShape shape = hf_shape(config, defaults);
  ModelConfig model = plain_decoder(kQwen3.name, shape);
  model.tied_head = config.boolean("tie_word_embeddings", false);
  check_silu(config);
  set_rope(model, hf_rope(config, {10000, shape.head_dim, shape.n_ctx_train}));
  set_qk_norm(model);
  const bool bias = config.boolean("attention_bias", false);
  for (LayerSpec& layer : model.layers) {
    layer.attention.qkv_bias = layer.attention.out_bias = bias;
  }
  set_qwen_windows(config, model);
  config.only("use_mrope", false);
  return model;
}

ModelConfig from_gguf(GgufConfig& config) {
  const DecoderShape shape = gguf_shape(config);
  ModelConfig model = plain_decoder(kQwen3.name, shape);
  model.tied_head = config.tensor("output.weight") == nullptr;
  set_rope(model, gguf_rope(config, {10000, shape.head_dim, shape.n_ctx_train}));
  set_qk_norm(model);
  set_gguf_windows(config, model);
  return model;
}

}  // namespace

const Family kQwen3{"qwen3", kNames, kClasses, kNames, from_hf, from_gguf};

}  // namespace nalar::model
