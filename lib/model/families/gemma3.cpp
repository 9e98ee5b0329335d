#include <cmath>

#include "model/families/family.h"
#include "model/rope_config.h"

// Gemma 3, text: norms before and after each branch, norms over q and k, five layers within a
// window to one over everything, each kind with its own rope. A Hugging Face checkpoint stores norm
// weights minus one; GGUF stores them whole. The text part of the larger models, which also see, is
// read from text_config.
namespace nalar::model {
namespace {

constexpr std::string_view kModelTypes[] = {"gemma3_text", "gemma3"};
constexpr std::string_view kClasses[] = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"};
constexpr std::string_view kArchitectures[] = {"gemma3"};
constexpr double kLocalTheta = 10000;
constexpr double kGlobalTheta = 1000000;
constexpr int kPattern = 6;  // every sixth layer is global

ModelConfig sandwich_decoder(const DecoderShape& shape) {
  ModelConfig model = plain_decoder(kGemma3.name, shape);
  model.embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(shape.d_model)));
  for (LayerSpec& layer : model.layers) {
    layer.attention_post_norm = layer.feed_forward_post_norm = shape.norm;
    layer.attention.qk_norm = shape.norm;
    layer.feed_forward.activation = Activation::gelu_tanh;
  }
  return model;
}

void set_layer_kinds(ModelConfig& model, const std::vector<bool>& local, int window,
                     const LayerRopes& ropes) {
  for (size_t i = 0; i < local.size(); ++i) {
    AttentionSpec& attention = model.layers[i].attention;
    attention.window = local[i] ? window : 0;
    attention.rope = local[i] ? ropes.local : ropes.global;
  }
}

ModelConfig read_text(HfConfig& config) {
  HfDefaults defaults;
  defaults.n_heads = 8;
  defaults.n_kv_heads = 4;
  defaults.head_dim = 256;
  defaults.vocab_size = 262208;
  defaults.n_ctx_train = 131072;
  DecoderShape shape = hf_shape(config, defaults);
  shape.norm.weight_offset = 1;
  ModelConfig model = sandwich_decoder(shape);
  model.tied_head = config.boolean("tie_word_embeddings", true);
  model.final_softcap =
      static_cast<float>(config.number("final_logit_softcapping", kPositiveOrOff, 0));
  for (const std::string_view key : {"hidden_activation", "hidden_act"}) {
    const std::string_view activation = config.text(key, "gelu_pytorch_tanh");
    if (activation != "gelu_pytorch_tanh") fail_unsupported(config.path_of(key), activation);
  }
  config.only("use_bidirectional_attention", false);

  const double query_scalar = config.number("query_pre_attn_scalar", kPositive, 256);
  const double softcap = config.number("attn_logit_softcapping", kPositiveOrOff, 0);
  const bool bias = config.boolean("attention_bias", false);
  for (LayerSpec& layer : model.layers) {
    layer.attention.scale = static_cast<float>(1 / std::sqrt(query_scalar));
    layer.attention.softcap = static_cast<float>(softcap);
    layer.attention.qkv_bias = layer.attention.out_bias = bias;
  }
  // Old files give the pattern as a number, some files of newer versions keep it with an
  // underscore.
  constexpr IntRange kPatternRange{1, kLayersRange.max};
  int64_t pattern = config.integer("_sliding_window_pattern", kPatternRange, kPattern);
  pattern = config.integer("sliding_window_pattern", kPatternRange, pattern);
  const auto local = hf_local_layers(config, local_by_pattern(shape.n_layers, pattern));
  const int64_t window = config.integer("sliding_window", kWindowRange, 4096);
  const LayerRopes ropes =
      hf_layer_ropes(config, kLocalTheta, {kGlobalTheta, shape.head_dim, shape.n_ctx_train});
  set_layer_kinds(model, local, static_cast<int>(window), ropes);
  return model;
}

ModelConfig from_hf(HfConfig& config) {
  if (config.text("model_type", "") == "gemma3_text") return read_text(config);
  // The parts that see: their keys are at the top, their tensors are left alone (tensor_names.h).
  for (const std::string_view key :
       {"vision_config", "mm_tokens_per_image", "boi_token_index", "eoi_token_index",
        "image_token_index", "boi_token_id", "eoi_token_id", "image_token_id"}) {
    config.ignore(key);
  }
  auto text = config.object("text_config");
  if (!text) fail_missing("text_config", "an object");
  ModelConfig model = read_text(*text);
  model.tied_head = config.boolean("tie_word_embeddings", model.tied_head);
  text->finish_model();
  return model;
}

ModelConfig from_gguf(GgufConfig& config) {
  const DecoderShape shape = gguf_shape(config);
  ModelConfig model = sandwich_decoder(shape);
  model.tied_head = config.tensor("output.weight") == nullptr;
  model.final_softcap =
      static_cast<float>(config.number("final_logit_softcapping", kPositiveOrOff, 0));
  const double softcap = config.number("attn_logit_softcapping", kPositiveOrOff, 0);
  // query_pre_attn_scalar is not in the file: it is the head's width, but d_model / n_heads in the
  // 27B model, which is known by its 62 layers.
  const int query_scalar = shape.n_layers == 62 ? shape.d_model / shape.n_heads : shape.head_dim;
  for (LayerSpec& layer : model.layers) {
    layer.attention.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(query_scalar)));
    layer.attention.softcap = static_cast<float>(softcap);
  }
  std::vector<bool> local = gguf_local_layers(config, shape.n_layers, kPattern);
  LayerRopes ropes;
  ropes.local =
      plain_rope(config.number("rope.freq_base_swa", kPositive, kLocalTheta), shape.head_dim);
  if (!config.has("rope.freq_base")) fail_missing(config.path_of("rope.freq_base"), "the base");
  ropes.global = gguf_rope(config, {kGlobalTheta, shape.head_dim, shape.n_ctx_train});
  const int64_t window = config.integer("attention.sliding_window", kWindowRange, 0);
  // Without a window all layers are of the global kind.
  if (window == 0) local.assign(local.size(), false);
  set_layer_kinds(model, local, static_cast<int>(window), ropes);
  return model;
}

}  // namespace

const Family kGemma3{"gemma3", kModelTypes, kClasses, kArchitectures, from_hf, from_gguf};

}  // namespace nalar::model
