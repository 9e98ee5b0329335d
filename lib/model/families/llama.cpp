#include "model/families/family.h"
#include "model/rope_config.h"

// Llama 1 to 3.x, and what has the same forward pass: SmolLM2, TinyLlama, Yi, and Mistral with its
// head_dim and window. GGUF keeps all of them under "llama", with the rows of q and k in the order
// of an interleaved rope.
namespace nalar::model {
namespace {

constexpr std::string_view kModelTypes[] = {"llama", "mistral"};
constexpr std::string_view kClasses[] = {"LlamaForCausalLM", "LLaMAForCausalLM",
                                         "MistralForCausalLM"};
constexpr std::string_view kArchitectures[] = {"llama"};

ModelConfig from_hf(HfConfig& config) {
  const bool mistral = config.text("model_type", "") == "mistral";
  HfDefaults defaults;
  defaults.n_kv_heads = mistral ? 8 : 0;
  defaults.n_ctx_train = mistral ? 131072 : 2048;
  const DecoderShape shape = hf_shape(config, defaults);
  ModelConfig model = plain_decoder(kLlama.name, shape);
  model.tied_head = config.boolean("tie_word_embeddings", false);
  check_silu(config);
  set_rope(model, hf_rope(config, {10000, shape.head_dim, shape.n_ctx_train}));

  const bool attention_bias = config.boolean("attention_bias", false);
  const bool mlp_bias = config.boolean("mlp_bias", false);
  // Mistral's configuration class knows neither bias.
  if (mistral && attention_bias) fail_unsupported("attention_bias", "true");
  if (mistral && mlp_bias) fail_unsupported("mlp_bias", "true");
  int window = 0;
  if (mistral) {
    // An absent key means the window of the first Mistral, null means none.
    const bool off = config.is_null("sliding_window");
    window = static_cast<int>(config.integer("sliding_window", kWindowRange, off ? 0 : 4096));
  }
  for (LayerSpec& layer : model.layers) {
    layer.attention.window = window;
    layer.attention.qkv_bias = layer.attention.out_bias = attention_bias;
    layer.feed_forward.bias = mlp_bias;
  }
  return model;
}

ModelConfig from_gguf(GgufConfig& config) {
  const DecoderShape shape = gguf_shape(config);
  ModelConfig model = plain_decoder(kLlama.name, shape);
  model.tied_head = config.tensor("output.weight") == nullptr;
  RopeSpec rope = gguf_rope(config, {10000, shape.head_dim, shape.n_ctx_train});
  rope.style = RopeStyle::interleaved;
  set_rope(model, rope);

  // The format has no keys for these: the first block shows whether there are any.
  const bool qkv_bias = config.tensor("blk.0.attn_q.bias") != nullptr;
  const bool out_bias = config.tensor("blk.0.attn_output.bias") != nullptr;
  const bool mlp_bias = config.tensor("blk.0.ffn_up.bias") != nullptr;
  const double scale = config.number("attention.scale", kPositiveOrOff, 0);
  for (LayerSpec& layer : model.layers) {
    if (scale > 0) layer.attention.scale = static_cast<float>(scale);
    layer.attention.qkv_bias = qkv_bias;
    layer.attention.out_bias = out_bias;
    layer.feed_forward.bias = mlp_bias;
  }
  set_gguf_windows(config, model);
  return model;
}

}  // namespace

const Family kLlama{"llama", kModelTypes, kClasses, kArchitectures, from_hf, from_gguf};

}  // namespace nalar::model
