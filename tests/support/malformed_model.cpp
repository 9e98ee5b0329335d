#include <fmt/format.h>

#include <limits>
#include <stdexcept>

#include "support/gguf_builder.h"
#include "support/malformed.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar::test {
namespace {

constexpr uint32_t kMax32 = std::numeric_limits<uint32_t>::max();

void emit(const MalformedSink& sink, int row, const std::string& what, const GgufBuilder& b,
          const std::string& message, int code = 65) {
  Malformed bad;
  bad.row = row;
  bad.name = fmt::format("{:03}-model-{}", row, what);
  bad.items = {{Malformed::Kind::file, "model.gguf", b.bytes(), 0}};
  bad.target = "model.gguf";
  bad.message = message;
  bad.code = code;
  sink(bad);
}

GgufBuilder without(const std::string& key) {
  GgufBuilder b = tiny_llama();
  std::erase_if(b.keys, [&](const GgufBuilder::Key& k) { return k.name == key; });
  return b;
}

template <typename T>
GgufBuilder with(const std::string& key, T value) {
  return without(key).number<T>(key, value);
}

GgufBuilder with_tensor(const std::string& name, std::vector<uint64_t> dimensions, uint32_t type,
                        size_t bytes) {
  GgufBuilder b = tiny_llama();
  for (GgufBuilder::Tensor& t : b.tensors) {
    if (t.name != name) continue;
    t.dimensions = std::move(dimensions);
    t.type = type;
    t.data.assign(bytes, '\0');
    return b;
  }
  throw std::logic_error("no tensor " + name);
}

void numbers(const MalformedSink& sink) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::string key : {"llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base",
                                "llama.rope.scaling.factor"}) {
    for (const float value : {0.f, -1.f, infinity, nan}) {
      emit(sink, 16, fmt::format("{}-{}", key, value), with<float>(key, value),
           "key " + key + ": got .*, need a finite number > 0");
    }
  }
  for (const uint32_t n : {0u, 1'000'000u, kMax32}) {
    emit(sink, 31, fmt::format("layers-{}", n), with<uint32_t>("llama.block_count", n),
         "key llama\\.block_count: got [0-9]+, need an integer in 1\\.\\.4096");
  }
  emit(sink, 31, "layers-2-of-1", with<uint32_t>("llama.block_count", 2),
       "tensor blk\\.1\\.attn_norm\\.weight is missing");
  const std::string heads = "llama.attention.head_count";
  emit(sink, 32, "heads-0", with<uint32_t>(heads, 0), "key llama.*head_count: got 0");
  emit(sink, 32, "kv-heads-0", with<uint32_t>(heads + "_kv", 0), "key llama.*head_count_kv: got 0");
  emit(sink, 32, "heads-5", with<uint32_t>(heads, 5), "head_count.* do not fit");
  emit(sink, 32, "kv-heads-3", with<uint32_t>(heads + "_kv", 3),
       "do not fit: 4 is no multiple of 3");
  for (const uint32_t n : {0u, kMax32}) {
    emit(sink, 33, fmt::format("context-{}", n), with<uint32_t>("llama.context_length", n),
         "key llama\\.context_length: got [0-9]+, need an integer");
  }
}

void architectures(const MalformedSink& sink) {
  const std::string key = "general.architecture";
  emit(sink, 34, "architecture-missing", without(key), "key general\\.architecture is missing");
  emit(sink, 34, "architecture-unknown", without(key).text(key, "ma\x1b[2Jmba"),
       "unknown architecture \\(key general\\.architecture\\): got ma\\\\x1b\\[2Jmba");
  emit(sink, 34, "architecture-1-mib", without(key).text(key, std::string(1 << 20, 'x')),
       "unknown architecture \\(key general\\.architecture\\): got x{100,}…");
  emit(sink, 34, "unknown-key", with<float>("llama.logit_scale", 2),
       "key llama\\.logit_scale is not known");
}

void tensors(const MalformedSink& sink) {
  const std::string k = "blk.0.attn_k.weight";
  emit(sink, 22, "zero-rows", with_tensor(k, {32, 0}, 0, 0),
       "tensor blk\\.0\\.attn_k\\.weight: got shape \\[0, 32\\], need \\[16, 32\\]");
  GgufBuilder missing = tiny_llama();
  std::erase_if(missing.tensors, [&](const GgufBuilder::Tensor& t) { return t.name == k; });
  emit(sink, 35, "missing", missing, "tensor blk\\.0\\.attn_k\\.weight is missing");
  emit(sink, 35, "shape", with_tensor(k, {16, 32}, 0, 16 * 32 * 4),
       "tensor blk\\.0\\.attn_k\\.weight: got shape \\[32, 16\\], need \\[16, 32\\]");
  emit(sink, 35, "type", with_tensor(k, {32, 16}, 26, 16 * 32 * 4),
       "tensor blk\\.0\\.attn_k\\.weight: got type I32");
  emit(sink, 35, "quantized-norm", with_tensor("output_norm.weight", {32}, 8, 34),
       "tensor output_norm\\.weight: got type Q8_0, need F32, F16 or BF16");
  GgufBuilder extra = tiny_llama();
  extra.tensor("blk.0.attn_qkv.weight", {32, 32}, some_floats(32 * 32));
  emit(sink, 35, "unknown", extra, "tensor blk\\.0\\.attn_qkv\\.weight is not known");

  const std::string mismatch = "vocabulary size mismatch";
  const std::string tokens = "tokenizer.ggml.tokens";
  emit(sink, 36, "tokens", without(tokens).texts(tokens, {"a", "b"}), mismatch);
  emit(sink, 36, "scores", tiny_llama().numbers<float>("tokenizer.ggml.scores", {0, 1}), mismatch);
  const std::string types = "tokenizer.ggml.token_type";
  emit(sink, 36, "types", without(types).numbers<int32_t>(types, {1, 1}), mismatch);
}

// A whole Hugging Face folder of one llama layer; `members` are put into its config.json.
Malformed folder(int row, const std::string& what, const std::string& members) {
  SafetensorsBuilder b;
  const auto add = [&](const std::string& name, uint64_t rows, uint64_t columns) {
    b.tensor(name, {rows, columns}, some_floats(static_cast<int64_t>(rows * columns)));
  };
  add("model.embed_tokens.weight", 10, 8);
  for (const std::string name : {"q", "k", "v", "o"}) {
    add("model.layers.0.self_attn." + name + "_proj.weight", 8, 8);
  }
  for (const std::string name : {"gate", "up"}) {
    add("model.layers.0.mlp." + name + "_proj.weight", 12, 8);
  }
  add("model.layers.0.mlp.down_proj.weight", 8, 12);
  for (const std::string name :
       {"norm", "layers.0.input_layernorm", "layers.0.post_attention_layernorm"}) {
    b.tensor("model." + name + ".weight", {8}, bytes_of(std::vector<float>(8, 1.f)));
  }
  Malformed bad;
  bad.row = row;
  bad.name = fmt::format("{:03}-config-{}", row, what);
  bad.items = {{Malformed::Kind::file, "config.json", "{" + members + "}", 0},
               {Malformed::Kind::file, "model.safetensors", b.bytes(), 0}};
  return bad;
}

class Config {
 public:
  explicit Config(const MalformedSink& sink) : sink_(sink) {}

  // The right config with one member set to `value` (JSON), or added.
  void emit(int row, const std::string& key, const std::string& value, const std::string& message,
            int code = 65) {
    std::vector<std::pair<std::string, std::string>> members = {
        {"model_type", "\"llama\""},    {"hidden_size", "8"},         {"intermediate_size", "12"},
        {"num_hidden_layers", "1"},     {"num_attention_heads", "2"}, {"vocab_size", "10"},
        {"tie_word_embeddings", "true"}};
    std::erase_if(members, [&](const auto& m) { return m.first == key; });
    members.emplace_back(key, value);
    std::string text;
    for (const auto& [k, v] : members)
      text += fmt::format("{}\"{}\": {}", text.empty() ? "" : ", ", k, v);
    Malformed bad = folder(row, fmt::format("{}-{}", key, n_++), text);
    bad.message = message;
    bad.code = code;
    sink_(bad);
  }

 private:
  const MalformedSink& sink_;
  int n_ = 0;
};

void configs(const MalformedSink& sink) {
  Config config(sink);
  config.emit(67, "model_type", "\"llama\"", "", 0);
  for (const std::string key :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"}) {
    for (const std::string value : {"0", "-1", "9223372036854775808", "1.5", "\"4096\"", "null"}) {
      config.emit(67, key, value, "config\\.json: key " + key + ".* need an integer in 1\\.\\.");
    }
  }
  config.emit(68, "num_attention_heads", "3", "do not fit: 8 is no multiple of 3");
  config.emit(68, "num_key_value_heads", "3", "do not fit: 2 is no multiple of 3");
  config.emit(68, "head_dim", "3", "head_dim\\): got 3, need a multiple of 2");
  config.emit(68, "vocab_size", "11",
              "embed_tokens\\.weight: got shape \\[10, 8\\], need \\[11, 8\\]");
  config.emit(69, "rope_theta", "NaN", "JSON error");
  config.emit(69, "rope_theta", "0", "key rope_theta: got 0, need a finite number > 0");
  config.emit(69, "rope_theta", "1e400", "");
  config.emit(69, "rms_norm_eps", "-1", "key rms_norm_eps: got -1, need a finite number > 0");
  config.emit(69, "rope_scaling", R"({"type": "swirl", "factor": 2})",
              "key rope_scaling\\.rope_type: got swirl, which is not supported");
  config.emit(70, "auto_map", R"({"AutoModelForCausalLM": "m.M"})", "custom code .* never run");
  config.emit(70, "model_type", "\"mine\"", "unknown architecture \\(key model_type\\): got mine");
  config.emit(70, "quantization_config", R"({"quant_method": "awq"})", "quantized by awq");
  config.emit(70, "layer_scale", "2", "key layer_scale is not known");
}

}  // namespace

void each_malformed_model(const MalformedSink& sink) {
  numbers(sink);
  architectures(sink);
  tensors(sink);
  configs(sink);
}

}  // namespace nalar::test
