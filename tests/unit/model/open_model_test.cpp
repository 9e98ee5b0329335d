#include <nalar/error.h>
#include <nalar/model.h>

#include <cmath>
#include <filesystem>

#include "support/catch.h"
#include "support/material.h"

using namespace nalar;

namespace {

std::shared_ptr<const Model> open_golden(const std::string& name) {
  return open_model(test::golden("models/" + name));
}

// A folder as transformers writes them, from a config and a weight file that lie elsewhere.
std::string hf_folder(const std::string& config, const std::string& weights) {
  namespace fs = std::filesystem;
  const std::string folder = test::temporary_folder();
  fs::copy_file(config, folder + "/config.json");
  fs::copy_file(weights, folder + "/model.safetensors");
  return folder;
}

}  // namespace

TEST_CASE("a llama folder of Hugging Face") {
  const auto model = open_golden("llama-llama3");
  const ModelConfig& config = model->config();
  CHECK(config.family == "llama");
  CHECK(config.d_model == 16);
  CHECK(config.vocab_size == 48);
  CHECK(config.n_ctx_train == 64);
  CHECK(config.tied_head);
  CHECK(config.embedding_scale == 1);
  CHECK(config.final_norm.eps == 1e-5f);
  CHECK(config.generation.eos_ids == std::vector<int32_t>{2});
  REQUIRE(config.n_layers() == 2);
  const LayerSpec& layer = config.layers[1];
  CHECK(layer.attention_norm);
  CHECK_FALSE(layer.attention_post_norm);
  CHECK(layer.attention.n_heads == 4);
  CHECK(layer.attention.n_kv_heads == 2);
  CHECK(layer.attention.head_dim == 8);
  CHECK(layer.attention.scale == static_cast<float>(1 / std::sqrt(8.0)));
  CHECK(layer.attention.window == 0);
  CHECK(layer.attention.rope->style == RopeStyle::half);
  CHECK(layer.attention.rope->scaling.kind == RopeScalingKind::llama3);
  CHECK(layer.attention.rope->scaling.original_context == 128);
  CHECK(layer.feed_forward.d_ff == 20);

  const Weights& weights = model->weights();
  CHECK(weights.head.bytes.data() == weights.embedding.bytes.data());
  CHECK(weights.layers[1].q.name == "model.layers.1.self_attn.q_proj.weight");
  CHECK(weights.layers[1].q.shape == std::vector<int64_t>{32, 16});
  CHECK(weights.layers[1].q_bias.bytes.data() == nullptr);
  // Embedding, final norm and twice: two norms, q and o, k and v, three of the feed-forward.
  const int64_t layer_parameters = 2 * 16 + 2 * 32 * 16 + 2 * 16 * 16 + 3 * 20 * 16;
  CHECK(model->n_parameters() == 48 * 16 + 16 + 2 * layer_parameters);
  CHECK(model->weight_bytes() == 4 * model->n_parameters());
}

TEST_CASE("biases, windows and norms over heads are declared by the config") {
  const auto bias = open_golden("llama-bias");
  CHECK_FALSE(bias->config().tied_head);
  CHECK(bias->weights().head.bytes.data() != bias->weights().embedding.bytes.data());
  CHECK(bias->config().layers[0].attention.qkv_bias);
  CHECK(bias->config().layers[0].attention.out_bias);
  CHECK(bias->config().layers[0].feed_forward.bias);
  CHECK(bias->config().layers[0].attention.rope->scaling.kind == RopeScalingKind::linear);
  CHECK(bias->config().layers[0].attention.rope->scaling.factor == 4);
  CHECK(bias->weights().layers[0].down_bias.shape == std::vector<int64_t>{16});

  const auto mistral = open_golden("mistral-window");
  CHECK(mistral->config().layers[0].attention.window == 8);
  CHECK(mistral->config().layers[1].attention.head_dim == 6);

  const auto yarn = open_golden("qwen2-yarn");
  CHECK(yarn->config().layers[0].attention.window == 0);
  CHECK(yarn->config().layers[1].attention.window == 8);
  CHECK(yarn->config().layers[0].attention.qkv_bias);
  CHECK_FALSE(yarn->config().layers[0].attention.out_bias);
  const RopeScaling& scaling = yarn->config().layers[0].attention.rope->scaling;
  CHECK(scaling.kind == RopeScalingKind::yarn);
  CHECK(scaling.attention_factor == Approx(0.1 * std::log(4.0) + 1));

  const auto qwen3 = open_golden("qwen3");
  CHECK(qwen3->config().layers[0].attention.qk_norm->eps == 1e-5f);
  CHECK(qwen3->weights().layers[0].k_norm.shape == std::vector<int64_t>{8});
}

TEST_CASE("gemma3: two kinds of layers, norms around each branch") {
  const auto model = open_golden("gemma3");
  const ModelConfig& config = model->config();
  CHECK(config.embedding_scale == static_cast<float>(std::sqrt(20.0)));
  CHECK(config.final_softcap == 30);
  CHECK(config.final_norm.weight_offset == 1);
  REQUIRE(config.n_layers() == 7);
  for (size_t i = 0; i < 7; ++i) {
    const AttentionSpec& attention = config.layers[i].attention;
    const bool global = i == 5;
    INFO(i);
    CHECK(attention.window == (global ? 0 : 8));
    CHECK(attention.rope->theta == (global ? 1e6 : 1e4));
    CHECK(attention.rope->scaling.kind ==
          (global ? RopeScalingKind::linear : RopeScalingKind::none));
    CHECK(attention.qk_norm->weight_offset == 1);
    CHECK(config.layers[i].feed_forward_post_norm->weight_offset == 1);
    CHECK(config.layers[i].feed_forward.activation == Activation::gelu_tanh);
  }
  CHECK(model->weights().layers[0].feed_forward_norm.name ==
        "model.layers.0.pre_feedforward_layernorm.weight");
}

TEST_CASE("the GGUF of a model declares the same architecture") {
  for (const std::string name : {"llama-llama3", "llama-bias", "qwen2-bias", "qwen3", "gemma3"}) {
    INFO(name);
    const auto hf = open_golden(name);
    const auto gguf = open_golden(name + ".gguf");
    const ModelConfig& a = hf->config();
    const ModelConfig& b = gguf->config();
    CHECK(b.name == name);
    CHECK(a.family == b.family);
    CHECK(a.tied_head == b.tied_head);
    CHECK(a.n_ctx_train == b.n_ctx_train);
    CHECK(a.embedding_scale == b.embedding_scale);
    CHECK(a.final_softcap == b.final_softcap);
    CHECK(b.final_norm.weight_offset == 0);
    REQUIRE(a.n_layers() == b.n_layers());
    for (size_t i = 0; i < a.layers.size(); ++i) {
      const AttentionSpec& x = a.layers[i].attention;
      const AttentionSpec& y = b.layers[i].attention;
      CHECK(x.scale == y.scale);
      CHECK(x.window == y.window);
      CHECK(x.head_dim == y.head_dim);
      CHECK(x.qkv_bias == y.qkv_bias);
      CHECK(x.out_bias == y.out_bias);
      CHECK(x.qk_norm.has_value() == y.qk_norm.has_value());
      CHECK(x.rope->theta == y.rope->theta);
      CHECK(x.rope->scaling.factor == Approx(y.rope->scaling.freq_factors.empty()
                                                 ? y.rope->scaling.factor
                                                 : y.rope->scaling.freq_factors.back()));
      CHECK(y.rope->style == (a.family == "llama" ? RopeStyle::interleaved : RopeStyle::half));
      CHECK(a.layers[i].feed_forward.bias == b.layers[i].feed_forward.bias);
    }
    CHECK(hf->n_parameters() == gguf->n_parameters());
    CHECK(gguf->weight_bytes() == 4 * gguf->n_parameters());
  }
}

TEST_CASE("stories260K") {
  const auto model = open_model(test::golden("stories260k/stories260K-f32.gguf"));
  CHECK(model->config().n_layers() == 5);
  CHECK(model->config().vocab_size == 512);
  CHECK(model->config().tied_head);
  CHECK(model->n_parameters() == 260032);
}

TEST_CASE("tiny checkpoints of the test material: families that we know open, others are named") {
  const auto folder = test::material("models/hf-tiny");
  if (!folder) return;
  for (const std::string name : {"llama", "mistral", "qwen2", "qwen3", "gemma3"}) {
    INFO(name);
    const std::string stem = *folder + "/tiny_" + name;
    const auto model = open_model(hf_folder(stem + "_config.json", stem + ".safetensors"));
    CHECK(model->config().d_model == 8);
  }
  for (const std::string name : {"gemma", "phi3", "gptneox"}) {
    INFO(name);
    const std::string stem = *folder + "/tiny_" + name;
    const std::string path = hf_folder(stem + "_config.json", stem + ".safetensors");
    CHECK_THROWS_WITH(open_model(path), Catch::Contains("unknown architecture (key model_type)"));
  }
}

TEST_CASE("real models") {
  if (const auto path = test::real_model("smollm2-135m-instruct-q4_1.gguf")) {
    const auto model = open_model(*path);
    CHECK(model->n_parameters() == 134515008);
    CHECK(model->config().layers[0].attention.rope->theta == 100000);
  }
  if (const auto path = test::real_model("gemma-3-270m-q4_k_m.gguf")) {
    const auto model = open_model(*path);
    CHECK(model->n_parameters() == 268098176);
    CHECK(model->config().layers[5].attention.window == 0);
    CHECK(model->config().layers[6].attention.window == 512);
    CHECK(model->config().layers[6].attention.rope->theta == 10000);
  }
  if (const auto path = test::real_model("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf")) {
    const auto model = open_model(*path);
    CHECK_FALSE(model->config().tied_head);
    CHECK(model->config().layers[27].attention.qkv_bias);
  }
}

TEST_CASE("what holds no weights is no model") {
  CHECK_THROWS_WITH(open_model(test::temporary_folder() + "/none"), Catch::Contains("none"));
  const auto vocabulary = test::material("tokenizers/ggml-vocab/ggml-vocab-gpt-2.gguf");
  if (!vocabulary) return;
  CHECK_THROWS_WITH(open_model(*vocabulary), Catch::Contains("holds no weights"));
}
