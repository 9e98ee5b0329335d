#include "model/hf_config.h"

#include <nalar/error.h>

#include "model/families/family.h"
#include "support/catch.h"
#include "support/error_of.h"

using namespace nalar;

namespace {

ModelConfig read(std::string_view text) {
  const Json json = parse_json(text);
  model::HfConfig reader(json);
  ModelConfig config = model::family_of_hf(reader).from_hf(reader);
  reader.finish_model();
  config.validate();
  return config;
}

constexpr std::string_view kSmall =
    R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "vocab_size": 100)";

// The small config with more members; a later one of the same name replaces the first.
std::string with(const std::string& members) {
  Json json = parse_json(std::string(kSmall) + "}");
  const Json more = parse_json("{" + members + "}");
  for (const auto& [key, value] : more.as_object()) json.set(key, value);
  return to_text(json);
}

std::string failure(const std::string& members) {
  return test::error_of([&] { read(with(members)); });
}

}  // namespace

// The members that the published config.json of these models have, in the words of their time.
TEST_CASE("configs of real models are understood") {
  const ModelConfig llama1 = read(R"({"architectures": ["LlamaForCausalLM"], "bos_token_id": 1,
    "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
    "intermediate_size": 11008, "max_position_embeddings": 2048, "max_sequence_length": 2048,
    "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32, "pad_token_id": 0,
    "rms_norm_eps": 1e-06, "tie_word_embeddings": false, "torch_dtype": "float16",
    "transformers_version": "4.28.0.dev0", "use_cache": true, "vocab_size": 32000})");
  CHECK(llama1.layers[0].attention.n_kv_heads == 32);
  CHECK(llama1.layers[0].attention.head_dim == 128);

  const ModelConfig llama32 = read(R"({"architectures": ["LlamaForCausalLM"],
    "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000,
    "eos_token_id": [128001, 128008, 128009], "head_dim": 64, "hidden_act": "silu",
    "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 8192,
    "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0,
    "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
    "rope_type": "llama3"}, "rope_theta": 500000.0, "tie_word_embeddings": true,
    "torch_dtype": "bfloat16", "transformers_version": "4.45.0.dev0", "use_cache": true,
    "vocab_size": 128256})");
  CHECK(llama32.layers[15].attention.rope->scaling.factor == 32);
  CHECK(llama32.tied_head);

  const ModelConfig smollm2 = read(R"({"architectures": ["LlamaForCausalLM"],
    "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
    "hidden_act": "silu", "hidden_size": 576, "initializer_range": 0.041666666666666664,
    "intermediate_size": 1536, "is_llama_config": true, "max_position_embeddings": 8192,
    "mlp_bias": false, "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30,
    "num_key_value_heads": 3, "pad_token_id": 2, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
    "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
    "tie_word_embeddings": true, "torch_dtype": "bfloat16",
    "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}},
    "transformers_version": "4.42.3", "use_cache": true, "vocab_size": 49152})");
  CHECK(smollm2.layers[0].attention.n_kv_heads == 3);

  // As transformers 5 writes what it read from a GGUF file.
  const ModelConfig from_gguf = read(R"({"_model_name_or_path": "Smollm2 135M", "architectures":
    ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
    "dtype": "float32", "eos_token_id": 2, "head_dim": 64, "hidden_act": "silu",
    "hidden_size": 576, "initializer_range": 0.02, "intermediate_size": 1536,
    "max_position_embeddings": 8192, "mlp_bias": false, "model_type": "llama",
    "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3,
    "pad_token_id": 2, "pretraining_tp": 1, "rms_norm_eps": 9.999999747378752e-06,
    "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"},
    "tie_word_embeddings": true, "transformers_version": "5.23.0", "unk_token_id": 0,
    "use_cache": true, "vocab_size": 49152})");
  CHECK(from_gguf.layers[0].attention.rope->theta == 100000);
  CHECK(from_gguf.final_norm.eps == 1e-5f);

  const ModelConfig mistral = read(R"({"architectures": ["MistralForCausalLM"], "bos_token_id": 1,
    "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
    "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16",
    "transformers_version": "4.34.0.dev0", "use_cache": true, "vocab_size": 32000})");
  CHECK(mistral.layers[0].attention.window == 4096);

  const ModelConfig nemo = read(R"({"architectures": ["MistralForCausalLM"],
    "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "head_dim": 128,
    "hidden_act": "silu", "hidden_size": 5120, "initializer_range": 0.02,
    "intermediate_size": 14336, "max_position_embeddings": 1024000, "model_type": "mistral",
    "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "sliding_window": null,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16",
    "transformers_version": "4.43.0.dev0", "use_cache": true, "vocab_size": 131072})");
  CHECK(nemo.layers[0].attention.window == 0);
  CHECK(nemo.layers[0].attention.head_dim == 128);

  const ModelConfig qwen25 = read(R"({"architectures": ["Qwen2ForCausalLM"],
    "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645,
    "hidden_act": "silu", "hidden_size": 1536, "initializer_range": 0.02,
    "intermediate_size": 8960, "max_position_embeddings": 32768, "max_window_layers": 21,
    "model_type": "qwen2", "num_attention_heads": 12, "num_hidden_layers": 28,
    "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
    "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
    "transformers_version": "4.43.1", "use_cache": true, "use_mrope": false,
    "use_sliding_window": false, "vocab_size": 151936})");
  CHECK(qwen25.layers[27].attention.window == 0);
  CHECK(qwen25.layers[27].attention.qkv_bias);

  const ModelConfig qwen3 = read(R"({"architectures": ["Qwen3ForCausalLM"],
    "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643,
    "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024,
    "initializer_range": 0.02, "intermediate_size": 3072, "max_position_embeddings": 40960,
    "max_window_layers": 28, "model_type": "qwen3", "num_attention_heads": 16,
    "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
    "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
    "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.51.0",
    "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})");
  CHECK(qwen3.layers[0].attention.head_dim == 128);
}

TEST_CASE("Gemma 3, alone and as the text part of a model that sees") {
  const ModelConfig alone = read(R"({"_sliding_window_pattern": 6,
    "architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "attn_logit_softcapping": null, "bos_token_id": 2, "eos_token_id": 1,
    "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 640, "initializer_range": 0.02, "intermediate_size": 2048,
    "layer_types": ["sliding_attention", "full_attention"], "max_position_embeddings": 32768,
    "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 2,
    "num_key_value_heads": 1, "pad_token_id": 0, "query_pre_attn_scalar": 256,
    "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000.0, "rope_scaling": null,
    "rope_theta": 1000000.0, "sliding_window": 512, "torch_dtype": "bfloat16",
    "transformers_version": "4.55.0.dev0", "use_bidirectional_attention": false,
    "use_cache": true, "vocab_size": 262144})");
  CHECK(alone.tied_head);
  CHECK(alone.layers[0].attention.window == 512);
  CHECK(alone.layers[1].attention.window == 0);
  CHECK(alone.layers[0].attention.scale == 0.0625f);

  // The 4B model leaves to defaults what its configuration class knows.
  const ModelConfig seeing = read(R"({"architectures": ["Gemma3ForConditionalGeneration"],
    "boi_token_index": 255999, "eoi_token_index": 256000, "eos_token_id": [1, 106],
    "image_token_index": 262144, "initializer_range": 0.02, "mm_tokens_per_image": 256,
    "model_type": "gemma3", "text_config": {"hidden_size": 2560, "intermediate_size": 10240,
    "model_type": "gemma3_text", "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0,
    "rope_type": "linear"}, "sliding_window": 1024}, "torch_dtype": "bfloat16",
    "transformers_version": "4.50.0.dev0", "vision_config": {"hidden_size": 1152}})");
  CHECK(seeing.n_layers() == 34);
  CHECK(seeing.layers[0].attention.n_heads == 8);
  CHECK(seeing.layers[5].attention.rope->scaling.factor == 8);
  CHECK(seeing.layers[5].attention.rope->theta == 1e6);
  CHECK(seeing.layers[4].attention.rope->scaling.kind == RopeScalingKind::none);
  CHECK(seeing.layers[4].attention.window == 1024);
}

TEST_CASE("defaults stand for absent keys and for null") {
  const ModelConfig config = read(with(R"("num_key_value_heads": null, "head_dim": null)"));
  CHECK(config.layers[0].attention.n_kv_heads == 4);
  CHECK(config.layers[0].attention.head_dim == 16);
  CHECK(config.final_norm.eps == 1e-6f);
  CHECK(config.layers[0].attention.rope->theta == 10000);
  CHECK(config.n_ctx_train == 2048);
  CHECK(read(with(R"("model_type": "mistral", "num_key_value_heads": 4)"))
            .layers[0]
            .attention.window == 4096);
}

TEST_CASE("numbers that are none or out of range (class 67)") {
  for (const std::string key :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"}) {
    for (const std::string value :
         {"0", "-1", "9223372036854775808", "1.5", "\"4096\"", "null", "true", "[]"}) {
      INFO(key << " " << value);
      const std::string message = failure("\"" + key + "\": " + value);
      CHECK(message.find("key " + key) == 0);
      CHECK(message.find("an integer in 1..") != std::string::npos);
    }
  }
  CHECK(failure(R"("num_hidden_layers": 1000000)") ==
        "key num_hidden_layers: got 1000000, need an integer in 1..4096");
  CHECK(failure(R"("max_position_embeddings": 0)") ==
        "key max_position_embeddings: got 0, need an integer in 1..268435456");
}

TEST_CASE("sizes that contradict each other (class 68)") {
  CHECK(failure(R"("num_attention_heads": 5)") ==
        "keys hidden_size and num_attention_heads do not fit: 64 is no multiple of 5");
  CHECK(failure(R"("num_key_value_heads": 3)") ==
        "keys num_attention_heads and num_key_value_heads do not fit: 4 is no multiple of 3");
  CHECK(failure(R"("num_key_value_heads": 8)") ==
        "keys num_attention_heads and num_key_value_heads do not fit: 4 is no multiple of 8");
  CHECK(failure(R"("head_dim": 7)") ==
        "layers[0].attention.rope.rope_dim (head_dim): got 7, need a multiple of 2");
}

TEST_CASE("rope and norm values (class 69)") {
  const std::string positive = "need a finite number > 0";
  CHECK(failure(R"("rope_theta": 0)") == "key rope_theta: got 0, " + positive);
  CHECK(failure(R"("rope_theta": -1e4)") == "key rope_theta: got -10000.0, " + positive);
  CHECK(failure(R"("rope_theta": 1e400)") != "no error");
  CHECK(failure(R"("rope_theta": "10000")") == "key rope_theta: got \"10000\", " + positive);
  CHECK(failure(R"("rms_norm_eps": -1)") == "key rms_norm_eps: got -1, " + positive);
  CHECK(failure(R"("rms_norm_eps": 0)") == "key rms_norm_eps: got 0, " + positive);
  CHECK(failure(R"("rope_scaling": {"type": "dynamic", "factor": 2.0})") ==
        "key rope_scaling.rope_type: got dynamic, which is not supported");
  CHECK(failure(R"("rope_scaling": {"rope_type": "longrope", "factor": 2.0})") ==
        "key rope_scaling.rope_type: got longrope, which is not supported");
  CHECK(failure(R"("rope_scaling": {"rope_type": "linear"})") ==
        "key rope_scaling.factor is missing: " + positive);
  CHECK(failure(R"("rope_scaling": {"rope_type": "linear", "factor": 2, "mrope_section": [1]})") ==
        "key rope_scaling.mrope_section is not known: it may change what the model computes");
  CHECK(failure(R"("rope_scaling": [1])") == "key rope_scaling: got [1], need an object");
  CHECK(failure(R"("rope_scaling": {"rope_type": "linear", "factor": 2},
                   "rope_parameters": {"rope_type": "default"})") ==
        "key rope_scaling: got rope_parameters as well, which is not supported");
  CHECK(failure(R"("partial_rotary_factor": 0.5)") ==
        "key partial_rotary_factor: got other than 1, which is not supported");
  CHECK(failure(R"("rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
                   "high_freq_factor": 1, "original_max_position_embeddings": 8192})") ==
        "layers[0].attention.rope.scaling.high_freq_factor: got another value, need one over "
        "low_freq_factor");
}

TEST_CASE("custom code and other tools' weights are refused (class 70)") {
  CHECK(failure(R"("auto_map": {"AutoModelForCausalLM": "modeling_x.X"})") ==
        "key auto_map: custom code is not supported; it is never run");
  CHECK(failure(R"("quantization_config": {"quant_method": "gptq", "bits": 4})") ==
        "key quantization_config: weights quantized by gptq are not supported");
  CHECK(failure(R"("model_type": "gpt_bigcode\u001b")") ==
        "unknown architecture (key model_type): got gpt_bigcode\\x1b");
  CHECK(failure(R"("model_type": null)") == "unknown architecture (key model_type): got ");
  CHECK(failure(R"("architectures": ["LlamaForSequenceClassification"])") ==
        "unknown architecture (key architectures): got LlamaForSequenceClassification");
}

TEST_CASE("a key that nobody knows is an error that names it") {
  CHECK(failure(R"("attention_multiplier": 0.5)") ==
        "key attention_multiplier is not known: it may change what the model computes");
  CHECK(failure(R"("hidden_act": "relu")") == "key hidden_act: got relu, which is not supported");
  CHECK(failure(R"("rope_interleaved": true)") ==
        "key rope_interleaved: got true, which is not supported");
  CHECK(failure(R"("tie_word_embeddings": 1)") ==
        "key tie_word_embeddings: got 1, need true or false");
  const std::string gemma = R"("model_type": "gemma3_text", "num_key_value_heads": 4, )";
  CHECK(failure(gemma + R"("layer_types": ["sliding_attention"])") ==
        "key layer_types: got 1 entries, need 2, one a layer");
  CHECK(failure(gemma + R"("layer_types": ["full_attention", "chunked_attention"])") ==
        "key layer_types: got chunked_attention, which is not supported");
  CHECK(failure(gemma + R"("use_bidirectional_attention": true)") ==
        "key use_bidirectional_attention: got true, which is not supported");
  CHECK(failure(gemma + R"("rope_parameters": {"rope_type": "default"})") ==
        "key rope_parameters.rope_type is not known: it may change what the model computes");
}
