#include "model/families/family.h"
#include "model/rope_config.h"

// Qwen 1.5 (dense), Qwen 2 and 2.5: a Llama with biases on q, k and v.
namespace nalar::model {
namespace {

constexpr std::string_view kNames[] = {"qwen2"};
constexpr std::string_view kClasses[] = {"Qwen2ForCausalLM"};

void set_biases(ModelConfig& model) {
  for (LayerSpec& layer : model.layers) layer.attention.qkv_bias = true;
}

ModelConfig from_hf(HfConfig& config) {
  HfDefaults defaults;
  defaults.n_ctx_train = 32768;
  defaults.n_kv_heads = 32;
  const DecoderShape shape = hf_shape(config, defaults);
  ModelConfig model = plain_decoder(kQwen2.name, shape);
  model.tied_head = config.boolean("tie_word_embeddings", false);
  check_silu(config);
  set_rope(model, hf_rope(config, {10000, shape.head_dim, shape.n_ctx_train}));
  set_biases(model);
  set_qwen_windows(config, model);
  config.only("use_mrope", false);
  return model;
}

ModelConfig from_gguf(GgufConfig& config) {
  const DecoderShape shape = gguf_shape(config);
  ModelConfig model = plain_decoder(kQwen2.name, shape);
  model.tied_head = config.tensor("output.weight") == nullptr;
  set_rope(model, gguf_rope(config, {10000, shape.head_dim, shape.n_ctx_train}));
  set_biases(model);
  set_gguf_windows(config, model);
  return model;
}

}  // namespace

const Family kQwen2{"qwen2", kNames, kClasses, kNames, from_hf, from_gguf};

}  // namespace nalar::model
