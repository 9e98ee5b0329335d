#include <nalar/model.h>

#include <filesystem>

#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

using namespace nalar;
using test::SafetensorsBuilder;

namespace {

constexpr std::string_view kConfig =
    R"({"model_type": "llama", "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
        "num_attention_heads": 2, "vocab_size": 10, "tie_word_embeddings": true,
        "_name_or_path": "someone/small")";

std::string zeros(uint64_t n) { return std::string(n * sizeof(float), '\0'); }

void add(SafetensorsBuilder& b, const std::string& name, const std::vector<uint64_t>& shape) {
  uint64_t n = 1;
  for (const uint64_t d : shape) n *= d;
  b.tensor(name, shape, zeros(n));
}

SafetensorsBuilder small_weights(const std::string& root = "model.") {
  SafetensorsBuilder b;
  add(b, root + "embed_tokens.weight", {10, 8});
  add(b, root + "norm.weight", {8});
  const std::string layer = root + "layers.0.";
  add(b, layer + "input_layernorm.weight", {8});
  add(b, layer + "post_attention_layernorm.weight", {8});
  for (const std::string name : {"q", "k", "v", "o"}) {
    add(b, layer + "self_attn." + name + "_proj.weight", {8, 8});
  }
  add(b, layer + "mlp.gate_proj.weight", {12, 8});
  add(b, layer + "mlp.up_proj.weight", {12, 8});
  add(b, layer + "mlp.down_proj.weight", {8, 12});
  return b;
}

struct Folder {
  std::string config = std::string(kConfig) + "}";
  std::string generation;  // not written when empty
  SafetensorsBuilder weights = small_weights();
};

std::shared_ptr<const Model> open(const Folder& content) {
  const std::string path = test::temporary_folder();
  if (!content.config.empty()) test::write_text(path + "/config.json", content.config);
  if (!content.generation.empty()) {
    test::write_text(path + "/generation_config.json", content.generation);
  }
  test::write_text(path + "/model.safetensors", content.weights.bytes());
  return open_model(path);
}

// Without the folder, which every message begins with.
std::string failure(const Folder& content) {
  const std::string message = test::error_of([&] { open(content); });
  const size_t config = message.find("config.json: ");
  if (config != std::string::npos) return message.substr(message.rfind('/', config) + 1);
  const size_t colon = message.find(": ");
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

Folder with_tensor(const std::string& name, const std::vector<uint64_t>& shape,
                   const std::string& dtype = "F32") {
  Folder folder;
  std::erase_if(folder.weights.tensors, [&](const auto& t) { return t.name == name; });
  uint64_t n = dtype == "F64" ? 2 : 1;
  for (const uint64_t d : shape) n *= d;
  folder.weights.tensor(name, shape, zeros(n), dtype);
  return folder;
}

}  // namespace

TEST_CASE("a small folder opens") {
  const auto model = open({});
  CHECK(model->config().name == "small");
  CHECK(model->weights().layers[0].down.shape == std::vector<int64_t>{8, 12});
  CHECK(model->config().generation.source.empty());
}

TEST_CASE("tensors that do not fit the config are named") {
  Folder missing;
  missing.weights.tensors.pop_back();
  CHECK(failure(missing) == "tensor model.layers.0.mlp.down_proj.weight is missing");
  CHECK(failure(with_tensor("model.embed_tokens.weight", {12, 8})) ==
        "tensor model.embed_tokens.weight: got shape [12, 8], need [10, 8]");
  CHECK(failure(with_tensor("model.norm.weight", {8, 1})) ==
        "tensor model.norm.weight: got shape [8, 1], need [8]");
  CHECK(failure(with_tensor("model.norm.weight", {8}, "F64")) ==
        "tensor model.norm.weight: got type F64, need F32, F16 or BF16");
  CHECK(
      failure(with_tensor("model.layers.0.self_attn.q_proj.weight", {8, 8}, "I32")) ==
      "tensor model.layers.0.self_attn.q_proj.weight: got type I32, need F32, F16, BF16 or a GGUF "
      "block type");
  CHECK(failure(with_tensor("model.layers.0.self_attn.q_proj.bias", {8})) ==
        "tensor model.layers.0.self_attn.q_proj.bias is not known in a llama model");
  CHECK(failure(with_tensor("model.layers.1.input_layernorm.weight", {8})) ==
        "tensor model.layers.1.input_layernorm.weight is not known in a llama model");
  CHECK(failure(with_tensor("model.layers.0.self_attn.rotary_emb.inv_freq", {2})) == "no error");
}

TEST_CASE("a head beside a tied one must be the same") {
  CHECK(failure(with_tensor("lm_head.weight", {10, 8})) == "no error");
  Folder other = with_tensor("lm_head.weight", {10, 8});
  other.weights.tensors.back().data[5] = 1;
  CHECK(failure(other) ==
        "tensor lm_head.weight differs from the embedding that it should be tied to");
  Folder untied;
  untied.config.replace(untied.config.find("true"), 4, "false");
  CHECK(failure(untied) == "tensor lm_head.weight is missing");
}

TEST_CASE("files of the folder are named") {
  Folder none;
  none.config.clear();
  CHECK(failure(none).find("config.json") != std::string::npos);
  Folder list;
  list.config = "[]";
  CHECK(failure(list) == "config.json: got array, need an object");
  Folder unknown;
  unknown.config.insert(1, R"("layer_scale": 2, )");
  CHECK(failure(unknown) ==
        "config.json: key layer_scale is not known: it may change what the model computes");
  Folder generation;
  generation.generation = R"({"temperature": "hot"})";
  CHECK(failure(generation) ==
        "generation_config.json: key temperature: got \"hot\", need a number in 0..1000000");
  generation.generation = R"({"eos_token_id": [3, 10]})";
  CHECK(failure(generation) ==
        "generation_config.json: key eos_token_id: got 10, need an integer in 0..9");
}

TEST_CASE("the text part of a model that sees") {
  const std::string text = R"({"model_type": "gemma3", "vision_config": {}, "text_config":
    {"model_type": "gemma3_text", "hidden_size": 8, "intermediate_size": 12, "head_dim": 4,
     "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
     "vocab_size": 10}})";
  for (const std::string root : {"language_model.model.", "model.language_model.", "model."}) {
    Folder folder;
    folder.config = text;
    folder.weights = small_weights(root);
    const std::string layer = root + "layers.0.";
    for (const std::string name : {"pre_feedforward_layernorm", "post_feedforward_layernorm"}) {
      add(folder.weights, layer + name + ".weight", {8});
    }
    for (const std::string name : {"q_norm", "k_norm"}) {
      add(folder.weights, layer + "self_attn." + name + ".weight", {4});
    }
    add(folder.weights, "vision_tower.vision_model.embeddings.patch_embedding.bias", {3});
    INFO(root);
    CHECK(failure(folder) == "no error");
  }
}

TEST_CASE("a sharded folder") {
  const auto material = test::material("models/hf-tiny");
  if (!material) return;
  namespace fs = std::filesystem;
  const std::string folder = test::temporary_folder();
  for (const std::string part : {"-00001-of-00002.safetensors", "-00002-of-00002.safetensors"}) {
    fs::copy_file(*material + "/sharded/tiny_llama" + part, folder + "/tiny_llama" + part);
  }
  fs::copy_file(*material + "/sharded/tiny_llama.safetensors.index.json",
                folder + "/model.safetensors.index.json");
  fs::copy_file(*material + "/tiny_llama_config.json", folder + "/config.json");
  CHECK(open_model(folder)->files().tensors()->tensors().size() == 22);
}
