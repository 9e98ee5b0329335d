#include "model/families/family.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace nalar::model {
namespace {

constexpr const Family* kFamilies[] = {&kLlama, &kQwen2, &kQwen3, &kGemma3};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::count(names.begin(), names.end(), name) != 0;
}

[[noreturn]] void fail_architecture(std::string_view key, std::string_view got) {
  throw Error(ErrorKind::bad_data,
              fmt::format("unknown architecture (key {}): got {}", key, base::escaped(got)),
              "llama (with mistral), qwen2, qwen3 and gemma3 models can be read");
}

// Rows of the embedding, which GGUF files need not declare.
int gguf_rows(const GgufConfig& config) {
  const TensorView* embedding = config.tensor("token_embd.weight");
  if (!embedding) throw Error(ErrorKind::bad_data, "tensor token_embd.weight is missing");
  const int64_t rows = embedding->shape.empty() ? 0 : embedding->shape[0];
  const std::string shape = shape_text(embedding->shape);
  return static_cast<int>(check("rows of token_embd.weight", rows, kVocabularyRange, shape));
}

int as_int(int64_t value) { return static_cast<int>(value); }

}  // namespace

const Family& family_of_hf(HfConfig& config) {
  for (const std::string_view key : {"auto_map", "custom_pipelines", "trust_remote_code"}) {
    if (config.has(key)) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("key {}: custom code is not supported; it is never run", key));
    }
  }
  if (config.has("quantization_config")) {
    const std::string_view method =
        config.object("quantization_config")->text("quant_method", "an unnamed method");
    throw Error(ErrorKind::bad_data,
                fmt::format("key quantization_config: weights quantized by {} are not supported",
                            base::escaped(method)),
                "use the model's unquantized folder or a GGUF file of it");
  }
  const std::string_view type = config.text("model_type", "");
  for (const Family* family : kFamilies) {
    if (!contains(family->hf_model_types, type)) continue;
    for (const std::string_view cls :
         config.texts("architectures").value_or(std::vector<std::string_view>())) {
      if (!contains(family->hf_classes, cls)) fail_architecture("architectures", cls);
    }
    return *family;
  }
  fail_architecture("model_type", type);
}

const Family& family_of_gguf(const GgufConfig& config) {
  for (const Family* family : kFamilies) {
    if (contains(family->gguf_architectures, config.architecture())) return *family;
  }
  fail_architecture("general.architecture", config.architecture());
}

DecoderShape hf_shape(HfConfig& config, const HfDefaults& defaults) {
  // 0 in defaults: no default.
  const auto integer = [&](std::string_view key, IntRange range, int otherwise) {
    return as_int(otherwise ? config.integer(key, range, otherwise) : config.integer(key, range));
  };
  DecoderShape shape;
  shape.d_model = integer("hidden_size", kWidthRange, 0);
  shape.d_ff = integer("intermediate_size", kFeedForwardRange, 0);
  shape.n_layers = integer("num_hidden_layers", kLayersRange, 0);
  shape.n_heads = integer("num_attention_heads", kHeadsRange, defaults.n_heads);
  const int n_kv_heads = defaults.n_kv_heads ? defaults.n_kv_heads : shape.n_heads;
  shape.n_kv_heads = integer("num_key_value_heads", kHeadsRange, n_kv_heads);
  check_multiple({config.path_of("num_attention_heads"), shape.n_heads},
                 {config.path_of("num_key_value_heads"), shape.n_kv_heads});
  int head_dim = defaults.head_dim;
  if (!config.has("head_dim") && head_dim == 0) {
    check_multiple({config.path_of("hidden_size"), shape.d_model},
                   {config.path_of("num_attention_heads"), shape.n_heads});
    head_dim = shape.d_model / shape.n_heads;
  }
  shape.head_dim = integer("head_dim", kHeadDimRange, head_dim);
  shape.vocab_size = integer("vocab_size", kVocabularyRange, defaults.vocab_size);
  shape.n_ctx_train = integer("max_position_embeddings", kContextRange, defaults.n_ctx_train);
  shape.norm.eps = static_cast<float>(config.number("rms_norm_eps", kPositive, defaults.norm_eps));
  return shape;
}

DecoderShape gguf_shape(GgufConfig& config) {
  DecoderShape shape;
  shape.d_model = as_int(config.integer("embedding_length", kWidthRange));
  shape.d_ff = as_int(config.integer("feed_forward_length", kFeedForwardRange));
  shape.n_layers = as_int(config.integer("block_count", kLayersRange));
  shape.n_heads = as_int(config.integer("attention.head_count", kHeadsRange));
  shape.n_kv_heads = as_int(config.integer("attention.head_count_kv", kHeadsRange, shape.n_heads));
  check_multiple({config.path_of("attention.head_count"), shape.n_heads},
                 {config.path_of("attention.head_count_kv"), shape.n_kv_heads});
  if (!config.has("attention.key_length")) {
    check_multiple({config.path_of("embedding_length"), shape.d_model},
                   {config.path_of("attention.head_count"), shape.n_heads});
  }
  const int head_dim = shape.d_model / shape.n_heads;
  shape.head_dim = as_int(config.integer("attention.key_length", kHeadDimRange, head_dim));
  config.integer("attention.value_length", {shape.head_dim, shape.head_dim}, shape.head_dim);
  shape.n_ctx_train = as_int(config.integer("context_length", kContextRange));
  shape.norm.eps = static_cast<float>(config.number("attention.layer_norm_rms_epsilon", kPositive));
  shape.vocab_size = as_int(config.integer("vocab_size", kVocabularyRange, gguf_rows(config)));
  config.only("attention.causal", true);
  config.integer("expert_count", {0, 0}, 0);
  config.integer("expert_used_count", {0, 0}, 0);
  config.ignore("tensor_data_layout");     // a name that early files carry
  config.ignore("use_parallel_residual");  // early qwen2 files say true and do not mean it
  return shape;
}

ModelConfig plain_decoder(std::string_view family, const DecoderShape& shape) {
  LayerSpec layer;
  layer.attention_norm = shape.norm;
  layer.feed_forward_norm = shape.norm;
  layer.attention.n_heads = shape.n_heads;
  layer.attention.n_kv_heads = shape.n_kv_heads;
  layer.attention.head_dim = shape.head_dim;
  layer.attention.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_dim)));
  layer.feed_forward.d_ff = shape.d_ff;
  ModelConfig config;
  config.family = family;
  config.d_model = shape.d_model;
  config.vocab_size = shape.vocab_size;
  config.n_ctx_train = shape.n_ctx_train;
  config.final_norm = shape.norm;
  config.layers.assign(static_cast<size_t>(shape.n_layers), layer);
  return config;
}

void set_rope(ModelConfig& config, const RopeSpec& rope) {
  for (LayerSpec& layer : config.layers) layer.attention.rope = rope;
}

void check_silu(HfConfig& config) {
  const std::string_view activation = config.text("hidden_act", "silu");
  if (activation != "silu" && activation != "swish")
    fail_unsupported(config.path_of("hidden_act"), activation);
}

std::vector<bool> hf_local_layers(HfConfig& config, const std::vector<bool>& otherwise) {
  const auto types = config.texts("layer_types");
  if (!types) return otherwise;
  if (types->size() != otherwise.size()) {
    fail_value(config.path_of("layer_types"), fmt::format("{} entries", types->size()),
               fmt::format("{}, one a layer", otherwise.size()));
  }
  std::vector<bool> local;
  for (const std::string_view type : *types) {
    if (type != "sliding_attention" && type != "full_attention") {
      fail_unsupported(config.path_of("layer_types"), type);
    }
    local.push_back(type == "sliding_attention");
  }
  return local;
}

std::vector<bool> local_by_pattern(int n_layers, int64_t pattern) {
  std::vector<bool> local;
  for (int i = 0; i < n_layers; ++i) local.push_back((i + 1) % pattern != 0);
  return local;
}

std::vector<bool> gguf_local_layers(GgufConfig& config, int n_layers, int pattern) {
  constexpr std::string_view kKey = "attention.sliding_window_pattern";
  const auto listed = config.booleans(kKey);
  if (!listed) {
    return local_by_pattern(n_layers, config.integer(kKey, {1, kLayersRange.max}, pattern));
  }
  if (listed->size() != static_cast<size_t>(n_layers)) {
    fail_value(config.path_of(kKey), fmt::format("{} entries", listed->size()),
               fmt::format("{}, one a layer", n_layers));
  }
  return *listed;
}

void set_qwen_windows(HfConfig& config, ModelConfig& model) {
  const bool used = config.boolean("use_sliding_window", false);
  const int window = as_int(config.integer("sliding_window", kWindowRange, used ? 4096 : 0));
  const int64_t first = config.integer("max_window_layers", {0, kLayersRange.max}, 28);
  std::vector<bool> local;
  for (int i = 0; i < model.n_layers(); ++i) local.push_back(i >= first);
  local = hf_local_layers(config, local);
  for (size_t i = 0; used && i < local.size(); ++i) {
    if (local[i]) model.layers[i].attention.window = window;
  }
}

void set_gguf_windows(GgufConfig& config, ModelConfig& model) {
  const auto window = as_int(config.integer("attention.sliding_window", kWindowRange, 0));
  std::vector<bool> local(model.layers.size(), true);
  if (config.has("attention.sliding_window_pattern")) {
    local = gguf_local_layers(config, model.n_layers(), 1);
  }
  for (size_t i = 0; i < local.size(); ++i) {
    if (local[i]) model.layers[i].attention.window = window;
  }
}

}  // namespace nalar::model
