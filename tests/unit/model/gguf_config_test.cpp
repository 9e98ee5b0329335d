#include "model/gguf_config.h"

#include <nalar/model.h>

#include <cmath>
#include <limits>

#include "io/gguf_reader.h"
#include "io/tensor_file.h"
#include "model/families/family.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

using namespace nalar;
using test::GgufBuilder;

namespace {

constexpr uint64_t kWidth = 32;
constexpr uint64_t kKvWidth = 16;
constexpr uint64_t kFeedForward = 64;
constexpr uint64_t kVocabulary = 40;

void add(GgufBuilder& b, const std::string& name, std::vector<uint64_t> shape) {
  int64_t n = 1;
  for (const uint64_t d : shape) n *= static_cast<int64_t>(d);
  b.tensor(name, std::move(shape), test::some_floats(n));
}

// A llama of two layers, with a vocabulary.
GgufBuilder small_model() {
  GgufBuilder b;
  b.text("general.architecture", "llama").text("general.name", "small");
  b.number<uint32_t>("llama.block_count", 2).number<uint32_t>("llama.context_length", 128);
  b.number<uint32_t>("llama.embedding_length", kWidth);
  b.number<uint32_t>("llama.feed_forward_length", kFeedForward);
  b.number<uint32_t>("llama.attention.head_count", 4);
  b.number<uint32_t>("llama.attention.head_count_kv", 2);
  b.number<float>("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  b.number<float>("llama.rope.freq_base", 10000);
  std::vector<std::string> tokens;
  for (uint64_t i = 0; i < kVocabulary; ++i) tokens.push_back("t" + std::to_string(i));
  b.texts("tokenizer.ggml.tokens", tokens);
  b.numbers<float>("tokenizer.ggml.scores", std::vector<float>(kVocabulary));
  b.numbers<int32_t>("tokenizer.ggml.token_type", std::vector<int32_t>(kVocabulary, 1));
  add(b, "token_embd.weight", {kVocabulary, kWidth});
  add(b, "output_norm.weight", {kWidth});
  for (const std::string block : {"blk.0.", "blk.1."}) {
    add(b, block + "attn_norm.weight", {kWidth});
    add(b, block + "attn_q.weight", {kWidth, kWidth});
    add(b, block + "attn_k.weight", {kKvWidth, kWidth});
    add(b, block + "attn_v.weight", {kKvWidth, kWidth});
    add(b, block + "attn_output.weight", {kWidth, kWidth});
    add(b, block + "ffn_norm.weight", {kWidth});
    add(b, block + "ffn_gate.weight", {kFeedForward, kWidth});
    add(b, block + "ffn_up.weight", {kFeedForward, kWidth});
    add(b, block + "ffn_down.weight", {kWidth, kFeedForward});
  }
  return b;
}

void drop_key(GgufBuilder& b, const std::string& key) {
  std::erase_if(b.keys, [&](const GgufBuilder::Key& k) { return k.name == key; });
}

template <typename T>
GgufBuilder with(const std::string& key, T value) {
  GgufBuilder b = small_model();
  drop_key(b, key);
  b.number<T>(key, value);
  return b;
}

GgufBuilder::Tensor& tensor(GgufBuilder& b, const std::string& name) {
  for (GgufBuilder::Tensor& t : b.tensors) {
    if (t.name == name) return t;
  }
  throw std::logic_error(name);
}

std::shared_ptr<const Model> open(const GgufBuilder& b) {
  const std::string path = test::temporary_folder() + "/model.gguf";
  test::write_text(path, b.bytes());
  return open_model(path);
}

// Without the path, which every message begins with.
std::string failure(const GgufBuilder& b) {
  const std::string message = test::error_of([&] { open(b); });
  const std::string file = "model.gguf: ";
  const size_t at = message.find(file);
  return at == std::string::npos ? message : message.substr(at + file.size());
}

struct NoTensors : io::TensorFile {
  const std::vector<TensorView>& tensors() const override { return none; }
  const TensorView* find(std::string_view) const override { return nullptr; }
  std::vector<TensorView> none;
};

// Which of six layers attend within the window only, as "11011".
std::string local_layers(GgufBuilder b) {
  const std::string bytes = b.text("general.architecture", "gemma3").bytes();
  const io::GgufFile file = io::parse_gguf(std::as_bytes(std::span(bytes)));
  const NoTensors none;
  model::GgufConfig config(file.metadata, none);
  std::string text;
  for (const bool local : model::gguf_local_layers(config, 6, 6)) text += local ? '1' : '0';
  config.finish();
  return text;
}

}  // namespace

TEST_CASE("the small model itself is well-formed") {
  const auto model = open(small_model());
  CHECK(model->config().name == "small");
  CHECK(model->config().vocab_size == static_cast<int>(kVocabulary));
  CHECK(model->config().layers[0].attention.head_dim == 8);
  CHECK(model->config().layers[0].attention.rope->style == RopeStyle::interleaved);
  CHECK(model->config().generation.source.empty());
}

TEST_CASE("values that must be finite and > 0 (class 16)") {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::string key : {"llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base",
                                "llama.rope.scaling.factor", "llama.rope.scale_linear"}) {
    for (const float value : {0.0f, -1.0f, infinity, nan}) {
      const std::string message = failure(with<float>(key, value));
      INFO(message);
      CHECK(message.find("key " + key + ": got") == 0);
      CHECK(message.find("need a finite number > 0") != std::string::npos);
    }
  }
}

TEST_CASE("layer counts (class 31)") {
  for (const uint32_t n : {0u, 1000000u, 4294967295u}) {
    CHECK(failure(with<uint32_t>("llama.block_count", n)) ==
          "key llama.block_count: got " + std::to_string(n) + ", need an integer in 1..4096");
  }
  CHECK(failure(with<uint32_t>("llama.block_count", 3)) ==
        "tensor blk.2.attn_norm.weight is missing");
  CHECK(failure(with<uint32_t>("llama.block_count", 1)) ==
        "tensor blk.1.attn_norm.weight is not known in a llama model, nor are 8 others");
}

TEST_CASE("attention shapes (class 32)") {
  CHECK(failure(with<uint32_t>("llama.attention.head_count", 0)) ==
        "key llama.attention.head_count: got 0, need an integer in 1..65536");
  CHECK(failure(with<uint32_t>("llama.attention.head_count_kv", 0)) ==
        "key llama.attention.head_count_kv: got 0, need an integer in 1..65536");
  CHECK(
      failure(with<uint32_t>("llama.attention.head_count", 6)) ==
      "keys llama.embedding_length and llama.attention.head_count do not fit: 32 is no multiple of "
      "6");
  CHECK(failure(with<uint32_t>("llama.attention.head_count_kv", 3)) ==
        "keys llama.attention.head_count and llama.attention.head_count_kv do not fit: 4 is no "
        "multiple of 3");
  CHECK(failure(with<uint32_t>("llama.attention.key_length", 16)) ==
        "tensor blk.0.attn_q.weight: got shape [32, 32], need [64, 32]");
  CHECK(failure(with<uint32_t>("llama.rope.dimension_count", 4)) ==
        "key llama.rope.dimension_count: got 4, need an integer in 8..8");
}

TEST_CASE("context lengths (class 33)") {
  for (const uint32_t n : {0u, 4294967295u}) {
    CHECK(failure(with<uint32_t>("llama.context_length", n)) ==
          "key llama.context_length: got " + std::to_string(n) +
              ", need an integer in 1..268435456");
  }
}

TEST_CASE("architectures (class 34)") {
  GgufBuilder none = small_model();
  drop_key(none, "general.architecture");
  CHECK(failure(none) == "key general.architecture is missing");
  GgufBuilder mamba = none;
  mamba.text("general.architecture", "mamba\x1b");
  CHECK(failure(mamba) == "unknown architecture (key general.architecture): got mamba\\x1b");
  GgufBuilder long_name = none;
  long_name.text("general.architecture", std::string(1 << 20, 'x'));
  CHECK(failure(long_name).size() < 400);
  GgufBuilder adapter = small_model();
  adapter.text("general.type", "adapter");
  CHECK(failure(adapter) == "key general.type: got adapter, which is not supported");
}

TEST_CASE("tensors that are missing, misshapen or of another type (classes 22, 35)") {
  GgufBuilder missing = small_model();
  std::erase_if(missing.tensors, [](const auto& t) { return t.name == "blk.1.ffn_up.weight"; });
  CHECK(failure(missing) == "tensor blk.1.ffn_up.weight is missing");

  GgufBuilder shape = small_model();
  tensor(shape, "blk.0.attn_k.weight").dimensions = {kWidth, 8};
  tensor(shape, "blk.0.attn_k.weight").data.resize(kWidth * 8 * 4);
  CHECK(failure(shape) == "tensor blk.0.attn_k.weight: got shape [8, 32], need [16, 32]");

  GgufBuilder empty = small_model();
  tensor(empty, "blk.0.attn_k.weight").dimensions = {kWidth, 0};
  tensor(empty, "blk.0.attn_k.weight").data.clear();
  CHECK(failure(empty) == "tensor blk.0.attn_k.weight: got shape [0, 32], need [16, 32]");

  GgufBuilder type = small_model();
  tensor(type, "blk.0.attn_k.weight").type = 26;  // I32
  CHECK(failure(type) ==
        "tensor blk.0.attn_k.weight: got type I32, need F32, F16, BF16 or a GGUF block type");

  GgufBuilder norm = small_model();
  tensor(norm, "blk.0.attn_norm.weight").type = 8;  // Q8_0
  tensor(norm, "blk.0.attn_norm.weight").data.resize(34);
  CHECK(failure(norm) == "tensor blk.0.attn_norm.weight: got type Q8_0, need F32, F16 or BF16");
}

TEST_CASE("tensors that the architecture does not call for") {
  GgufBuilder extra = small_model();
  add(extra, "blk.0.attn_qkv.weight", {kWidth, kWidth});
  CHECK(failure(extra) == "tensor blk.0.attn_qkv.weight is not known in a llama model");
  // A bias in one layer only is no bias.
  GgufBuilder bias = small_model();
  add(bias, "blk.0.attn_q.bias", {kWidth});
  CHECK(failure(bias) == "tensor blk.0.attn_k.bias is missing");
  GgufBuilder harmless = small_model();
  add(harmless, "blk.0.attn_rot_embd.weight", {4});
  CHECK(failure(harmless) == "no error");
  GgufBuilder factors = small_model();
  factors.tensor("rope_freqs.weight", {4}, test::bytes_of(std::vector<float>{1, 1, 2, 8}));
  CHECK(open(factors)->config().layers[1].attention.rope->scaling.freq_factors ==
        std::vector<float>{1, 1, 2, 8});
  GgufBuilder bad_factors = small_model();
  bad_factors.tensor("rope_freqs.weight", {4}, test::bytes_of(std::vector<float>{1, 0, 2, 8}));
  CHECK(failure(bad_factors) ==
        "layers[0].attention.rope.scaling.freq_factors: got 0, need a finite number > 0");
  GgufBuilder few_factors = small_model();
  few_factors.tensor("rope_freqs.weight", {3}, test::bytes_of(std::vector<float>{1, 1, 2}));
  CHECK(failure(few_factors) == "tensor rope_freqs.weight: got F32 [3], need F32 [4]");
}

TEST_CASE("vocabularies of another size than the embedding (class 36)") {
  for (const std::string key : {"tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
    GgufBuilder b = small_model();
    drop_key(b, key);
    b.numbers<float>(key, std::vector<float>(kVocabulary - 1));
    CHECK(failure(b) == "vocabulary size mismatch (key " + key +
                            "): got 39 entries, need 40, one for each row of token_embd.weight");
  }
  GgufBuilder tokens = small_model();
  drop_key(tokens, "tokenizer.ggml.tokens");
  tokens.texts("tokenizer.ggml.tokens", {"a", "b"});
  CHECK(failure(tokens).find("vocabulary size mismatch (key tokenizer.ggml.tokens): got 2") == 0);
  CHECK(failure(with<uint32_t>("llama.vocab_size", 41)).find("vocabulary size mismatch") == 0);
}

TEST_CASE("keys of the architecture that nobody knows are errors, others are not") {
  CHECK(failure(with<float>("llama.logit_scale", 2)) ==
        "key llama.logit_scale is not known: it may change what the model computes");
  CHECK(failure(with<uint32_t>("llama.expert_count", 8)) ==
        "key llama.expert_count: got 8, need an integer in 0..0");
  CHECK(failure(with<bool>("llama.attention.causal", false)) ==
        "key llama.attention.causal: got false, which is not supported");
  GgufBuilder scaling = small_model();
  scaling.text("llama.rope.scaling.type", "longrope");
  CHECK(failure(scaling) == "key llama.rope.scaling.type: got longrope, which is not supported");
  CHECK(failure(with<uint32_t>("quantize.imatrix.chunks_count", 8)) == "no error");
  GgufBuilder wrong_kind = small_model();
  drop_key(wrong_kind, "llama.block_count");
  wrong_kind.text("llama.block_count", "2");
  CHECK(failure(wrong_kind) == "key llama.block_count: got \"2\", need an integer in 1..4096");
}

TEST_CASE("the pattern of local and global layers") {
  const std::string key = "gemma3.attention.sliding_window_pattern";
  CHECK(local_layers(GgufBuilder()) == "111110");
  CHECK(local_layers(GgufBuilder().number<uint32_t>(key, 2)) == "101010");
  CHECK(local_layers(GgufBuilder().number<uint32_t>(key, 1)) == "000000");
  GgufBuilder listed;
  listed.numbers<uint8_t>(key, {1, 0, 0, 1, 1, 0});
  listed.keys[0].payload[0] = 7;  // booleans, not bytes
  CHECK(local_layers(listed) == "100110");
  GgufBuilder few;
  few.numbers<uint8_t>(key, {1, 0});
  few.keys[0].payload[0] = 7;
  CHECK(test::error_of([&] { local_layers(few); }) ==
        "key " + key + ": got 2 entries, need 6, one a layer");
  CHECK(test::error_of([&] { local_layers(GgufBuilder().number<uint32_t>(key, 0)); }) ==
        "key " + key + ": got 0, need an integer in 1..4096");
}

TEST_CASE("YaRN and the values for sampling that a GGUF brings along") {
  GgufBuilder b = small_model();
  b.text("llama.rope.scaling.type", "yarn").number<float>("llama.rope.scaling.factor", 4);
  b.number<uint32_t>("llama.rope.scaling.original_context_length", 32);
  b.number<float>("general.sampling.temp", 0.7f).number<int32_t>("general.sampling.top_k", 20);
  const auto model = open(b);
  const RopeScaling& scaling = model->config().layers[0].attention.rope->scaling;
  CHECK(scaling.kind == RopeScalingKind::yarn);
  CHECK(scaling.original_context == 32);
  CHECK(scaling.attention_factor == Approx(0.1 * std::log(4.0) + 1));
  CHECK(model->config().generation.temperature == 0.7f);
  CHECK(model->config().generation.top_k == 20);
  CHECK(model->config().generation.source == "general.sampling.* of the GGUF");
  CHECK(failure(with<float>("general.sampling.temp", -1)) ==
        "key general.sampling.temp: got -1, need a number in 0..1000000");
}
