#include "convert/hf_config.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "convert/llama3_scaling.h"
#include "convert/same_model.h"
#include "io/gguf_metadata.h"
#include "model/families/family.h"

namespace nalar::convert {
namespace {

// The shortest decimal that is this single: 1e-05, not 9.999999747378752e-06.
double decimal(double value) {
  char text[32];
  const auto written = std::to_chars(text, text + sizeof text, static_cast<float>(value));
  double result = 0;
  std::from_chars(text, written.ptr, result);
  return result;
}

bool is_local(const LayerSpec& layer) { return layer.attention.window > 0; }

const LayerSpec& first_layer(const ModelConfig& config, bool local) {
  for (const LayerSpec& layer : config.layers) {
    if (is_local(layer) == local) return layer;
  }
  return config.layers.front();
}

bool has_windows(const ModelConfig& config) {
  return std::any_of(config.layers.begin(), config.layers.end(), is_local);
}

void set_class(Json& json, std::string_view cls, std::string_view type) {
  json.set("architectures", Json::Array{cls});
  json.set("model_type", type);
}

void set_shape(const ModelConfig& config, Json& json) {
  const LayerSpec& layer = config.layers.front();
  json.set("vocab_size", config.vocab_size);
  json.set("hidden_size", config.d_model);
  json.set("intermediate_size", layer.feed_forward.d_ff);
  json.set("num_hidden_layers", config.n_layers());
  json.set("num_attention_heads", layer.attention.n_heads);
  json.set("num_key_value_heads", layer.attention.n_kv_heads);
  json.set("head_dim", layer.attention.head_dim);
  json.set("max_position_embeddings", config.n_ctx_train);
  json.set("rms_norm_eps", decimal(config.final_norm.eps));
  json.set("tie_word_embeddings", config.tied_head);
}

Json yarn(const RopeScaling& scaling) {
  Json json = Json::Object{{"rope_type", "yarn"}, {"factor", decimal(scaling.factor)}};
  json.set("original_max_position_embeddings", scaling.original_context);
  json.set("beta_fast", decimal(scaling.beta_fast));
  json.set("beta_slow", decimal(scaling.beta_slow));
  json.set("attention_factor", decimal(scaling.attention_factor));
  return json;
}

Json llama3(const RopeScaling& scaling) {
  return Json::Object{{"rope_type", "llama3"},
                      {"factor", decimal(scaling.factor)},
                      {"low_freq_factor", decimal(scaling.low_freq_factor)},
                      {"high_freq_factor", decimal(scaling.high_freq_factor)},
                      {"original_max_position_embeddings", scaling.original_context}};
}

void set_rope(const RopeSpec& rope, const Model& model, Json& json) {
  json.set("rope_theta", decimal(rope.theta));
  RopeScaling scaling = rope.scaling;
  if (!scaling.freq_factors.empty()) {
    const std::string key = model.config().family + ".rope.scaling.original_context_length";
    scaling = llama3_scaling(rope, model.files().gguf()->integer(key));
  }
  switch (scaling.kind) {
    case RopeScalingKind::linear:
      json.set("rope_scaling",
               Json::Object{{"rope_type", "linear"}, {"factor", decimal(scaling.factor)}});
      break;
    case RopeScalingKind::llama3:
      json.set("rope_scaling", llama3(scaling));
      break;
    case RopeScalingKind::yarn:
      json.set("rope_scaling", yarn(scaling));
      break;
    case RopeScalingKind::none:
    case RopeScalingKind::longrope:
      break;
  }
}

void set_layer_types(const ModelConfig& config, Json& json) {
  Json::Array types;
  for (const LayerSpec& layer : config.layers) {
    types.emplace_back(is_local(layer) ? "sliding_attention" : "full_attention");
  }
  json.set("layer_types", std::move(types));
}

void set_llama(const ModelConfig& config, Json& json) {
  const LayerSpec& layer = config.layers.front();
  json.set("hidden_act", "silu");
  if (has_windows(config)) {
    set_class(json, "MistralForCausalLM", "mistral");
    json.set("sliding_window", layer.attention.window);
    return;
  }
  set_class(json, "LlamaForCausalLM", "llama");
  json.set("attention_bias", layer.attention.qkv_bias);
  json.set("mlp_bias", layer.feed_forward.bias);
}

void set_qwen(const ModelConfig& config, Json& json) {
  const bool three = config.family == "qwen3";
  set_class(json, three ? "Qwen3ForCausalLM" : "Qwen2ForCausalLM", config.family);
  json.set("hidden_act", "silu");
  if (three) json.set("attention_bias", config.layers.front().attention.qkv_bias);
  json.set("use_sliding_window", has_windows(config));
  if (!has_windows(config)) return;
  json.set("sliding_window", first_layer(config, true).attention.window);
  set_layer_types(config, json);
}

void set_gemma3(const ModelConfig& config, Json& json) {
  set_class(json, "Gemma3ForCausalLM", "gemma3_text");
  const AttentionSpec& attention = config.layers.front().attention;
  json.set("hidden_activation", "gelu_pytorch_tanh");
  json.set("attention_bias", attention.qkv_bias);
  const double scale = attention.scale;
  json.set("query_pre_attn_scalar", static_cast<int64_t>(std::lround(1 / (scale * scale))));
  const auto cap = [](float value) { return value > 0 ? Json(decimal(value)) : Json(); };
  json.set("attn_logit_softcapping", cap(attention.softcap));
  json.set("final_logit_softcapping", cap(config.final_softcap));
  const LayerSpec& local = first_layer(config, true);
  if (is_local(local)) json.set("sliding_window", local.attention.window);
  if (local.attention.rope) {
    json.set("rope_local_base_freq", decimal(local.attention.rope->theta));
  }
  set_layer_types(config, json);
}

void set_token(std::string_view key, const std::optional<TokenId>& id, Json& json) {
  if (id) json.set(std::string(key), int64_t{*id});
}

// What a reader makes of the file is the model, or it is not written.
void check_config(const ModelConfig& config, const Json& json) {
  model::HfConfig reader(json);
  const ModelConfig read = model::family_of_hf(reader).from_hf(reader);
  reader.finish_model();
  const auto field = first_difference(config, read);
  if (!field) return;
  throw Error(ErrorKind::bad_data, fmt::format("{}: transformers' \"{}\" cannot say it", *field,
                                               json.find("model_type")->as_string()));
}

}  // namespace

std::string_view torch_name(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return "float16";
    case DType::bf16:
      return "bfloat16";
    default:
      return "float32";
  }
}

Json hf_config(const Model& model, DType dtype, const Tokenizer* tokenizer) {
  const ModelConfig& config = model.config();
  Json json = Json::Object{};
  set_shape(config, json);
  const auto& rope = first_layer(config, false).attention.rope;
  if (rope) set_rope(*rope, model, json);
  if (config.family == "llama") {
    set_llama(config, json);
  } else if (config.family == "gemma3") {
    set_gemma3(config, json);
  } else {
    set_qwen(config, json);
  }
  json.set("torch_dtype", torch_name(dtype));
  if (tokenizer) {
    set_token("bos_token_id", tokenizer->special().bos, json);
    set_token("eos_token_id", tokenizer->special().eos, json);
    set_token("pad_token_id", tokenizer->special().pad, json);
  }
  check_config(config, json);
  return json;
}

Json hf_generation_config(const ModelConfig& config, const Tokenizer* tokenizer) {
  Json json = Json::Object{};
  const GenerationDefaults& generation = config.generation;
  const auto number = [&](const char* key, const std::optional<float>& value) {
    if (value) json.set(key, decimal(*value));
  };
  const bool greedy = generation.temperature == 0.0f;
  if (generation.temperature || generation.top_k || generation.top_p) {
    json.set("do_sample", !greedy);
  }
  if (!greedy) number("temperature", generation.temperature);
  if (generation.top_k) json.set("top_k", *generation.top_k);
  number("top_p", generation.top_p);
  number("min_p", generation.min_p);
  number("repetition_penalty", generation.repeat_penalty);
  if (!tokenizer) return json;
  const SpecialTokens& special = tokenizer->special();
  set_token("bos_token_id", special.bos, json);
  set_token("pad_token_id", special.pad, json);
  Json::Array ends;
  if (special.eos) ends.emplace_back(int64_t{*special.eos});
  for (const TokenId id : special.end) {
    if (id != special.eos) ends.emplace_back(int64_t{id});
  }
  if (ends.size() == 1) {
    json.set("eos_token_id", ends.front());
  } else if (!ends.empty()) {
    json.set("eos_token_id", std::move(ends));
  }
  return json;
}

}  // namespace nalar::convert
