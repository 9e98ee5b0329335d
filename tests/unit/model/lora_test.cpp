#include "model/lora.h"

#include <nalar/error.h>

#include <cmath>
#include <filesystem>

#include "model/fingerprint.h"
#include "model/module_pattern.h"
#include "model/rope_order.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

using namespace nalar;
using namespace nalar::model;
using test::error_of;

namespace {

std::shared_ptr<const Model> open_golden(const std::string& name) {
  return open_model(test::golden("models/" + name));
}

LoraConfig targeting(std::vector<std::string> targets) {
  LoraConfig config;
  config.targets = std::move(targets);
  return config;
}

}  // namespace

TEST_CASE("targets by name, at dots, in the order of the forward pass") {
  const ModelConfig config = open_golden("llama-llama3")->config();
  using enum TensorRole;
  CHECK(lora_targets({}, config).size() == 14);
  CHECK(lora_targets(targeting({"lm_head", "v_proj", "embed_tokens"}), config) ==
        std::vector<TensorName>{{embedding}, {v, 0}, {v, 1}, {head}});
  CHECK(lora_targets(targeting({"layers.1.mlp.down_proj", "self_attn.q_proj"}), config) ==
        std::vector<TensorName>{{q, 0}, {q, 1}, {down, 1}});
  CHECK(lora_targets(targeting({"model.layers.0.self_attn.o_proj"}), config).size() == 1);
  for (const char* name : {"proj", "_proj", "c_attn", "layers.2.mlp.down_proj", "norm", ""}) {
    CHECK(error_of([&] {
            lora_targets(targeting({"q_proj", name}), config);
          }) ==
          std::string("targets: got \"") + name +
              "\", need all-linear or names such as q_proj, layers.3.mlp.down_proj, embed_tokens, "
              "lm_head");
  }
}

TEST_CASE("options of LoRA out of their ranges") {
  const auto error = [](auto change) {
    LoraConfig config;
    change(config);
    return error_of([&] { config.validate(); });
  };
  CHECK(error([](LoraConfig&) {}) == "no error");
  CHECK(error([](LoraConfig& c) { c.rank = 0; }) == "rank: got 0, need 1 to 65536");
  CHECK(error([](LoraConfig& c) { c.rank = 1 << 20; }) == "rank: got 1048576, need 1 to 65536");
  CHECK(error([](LoraConfig& c) { c.alpha = NAN; }) == "alpha: got nan, need more than 0");
  CHECK(error([](LoraConfig& c) { c.dropout = 1; }) ==
        "dropout: got 1, need at least 0 and less than 1");
  CHECK(error([](LoraConfig& c) { c.dropout = NAN; }) ==
        "dropout: got nan, need at least 0 and less than 1");
  CHECK(error([](LoraConfig& c) { c.targets.clear(); }) ==
        "targets: got none, need names of Linears, or all-linear");
}

TEST_CASE("scale is alpha over the rank, or over its root") {
  LoraConfig config;
  config.rank = 16;
  config.alpha = 32;
  CHECK(config.scale() == 2);
  config.rslora = true;
  CHECK(config.scale() == 8);
}

TEST_CASE("a start is uniform within its bound, of its seed and module alone, and adds nothing") {
  const auto base = open_golden("llama-bias");
  LoraConfig config = targeting({"all-linear", "embed_tokens"});
  config.rank = 64;
  const model::LoraAdapter adapter = make_adapter(config, *base, 7);
  REQUIRE(adapter.modules.size() == 15);
  const model::LoraModule& embedded = *adapter.find({TensorRole::embedding});
  CHECK(embedded.a == std::vector<float>(64 * 48, 0.0f));
  double sum = 0, squares = 0;
  for (const float x : embedded.b) {
    sum += x;
    squares += double{x} * x;
  }
  // 1024 numbers: five standard errors.
  const double n = static_cast<double>(embedded.b.size());
  CHECK(std::fabs(sum / n) < 5 / std::sqrt(n));
  CHECK(std::fabs(squares / n - 1) < 5 * std::sqrt(2 / n));

  const model::LoraModule& down = *adapter.find({TensorRole::down, 1});
  CHECK(down.a.size() == 64 * 20);
  CHECK(down.b == std::vector<float>(16 * 64, 0.0f));
  const float bound = 1 / std::sqrt(20.0f);
  float low = 0, high = 0;
  for (const float x : down.a) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  CHECK(low >= -bound);
  CHECK(high <= bound);
  CHECK(low < -0.98f * bound);  // 1280 numbers: one in a hundred is below, or the odds are 1 in 1e5
  CHECK(high > 0.98f * bound);

  CHECK(make_adapter(config, *base, 7).find({TensorRole::q, 1})->a ==
        adapter.find({TensorRole::q, 1})->a);
  CHECK(make_adapter(config, *base, 8).find({TensorRole::q, 1})->a !=
        adapter.find({TensorRole::q, 1})->a);
  CHECK(adapter.find({TensorRole::q, 0})->a != adapter.find({TensorRole::q, 1})->a);
}

TEST_CASE("patterns over names of modules are Python's") {
  const auto matches = [](const char* pattern, const char* name) {
    return ModulePattern("key", pattern).matches(name);
  };
  const char* const q0 = "model.layers.0.self_attn.q_proj";
  CHECK(matches(q0, q0));
  CHECK(matches(R"(.*\.(q_proj|v_proj))", q0));
  CHECK(matches(R"(^model\.layers\.\d+\.[a-z_]+\.[^kv]_proj$)", q0));
  CHECK(matches(R"(model\.layers\.[0-3]{1,}\.(?:self_attn|mlp)\.\w*?)", q0));
  CHECK(matches(R"((?:.*?(?:self_attn).*?(?:k_proj|q_proj).*?)|(?:\bmodel\.x))", q0));
  CHECK(matches(R"(.*\bq_proj)", q0));
  CHECK(matches("(a|b)*c{2}d{0,1}e?", "abbacc"));
  CHECK(matches("a{2,3}", "aaa"));
  CHECK(matches("|a", ""));
  CHECK(matches("[]a-]+", "a-]"));
  CHECK(matches("(a*)*b", "aab"));
  CHECK_FALSE(matches("a{2,3}", "aaaa"));
  CHECK_FALSE(matches(R"(.*\.q)", q0));
  CHECK_FALSE(matches("q_proj", q0));
  CHECK_FALSE(matches(R"(.*\b_proj)", q0));
  CHECK_FALSE(matches("a$b", "ab"));
  CHECK_FALSE(matches("[^a]", "a"));
}

TEST_CASE("a hostile pattern is refused or takes no time") {
  const std::string many(60, 'a');
  CHECK_FALSE(ModulePattern("key", "(a+)+b").matches(many));
  CHECK_FALSE(ModulePattern("key", "(a|aa)*(a|aa)*(.*.*.*)x").matches(many));
  for (const std::string pattern :
       {"(", ")", "a**", "*", "[", "[b-a]", "(?=a)", "(?P<x>a)", R"(\1)", "a{2", "a{", R"(\)",
        "((((a{999}){999}){999}){999})", "a{99999}"}) {
    INFO(pattern);
    CHECK(error_of([&] { ModulePattern("key", pattern); }) ==
          "key key: got " + pattern + ", which is not supported");
  }
  CHECK(error_of([&] { ModulePattern("key", std::string(3000, '(')); }).size() > 20);
  CHECK(error_of([&] { ModulePattern("key", std::string(100000, 'a')); }).size() > 20);
}

TEST_CASE("rows of a half-split rope to those of an interleaved one and back") {
  // Two heads of four rows with two columns.
  std::vector<float> rows = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
  const std::vector<float> before = rows;
  model::interleave_rows(rows, 4, 2);
  CHECK(rows == std::vector<float>{0, 0, 2, 2, 1, 1, 3, 3, 4, 4, 6, 6, 5, 5, 7, 7});
  model::uninterleave_rows(rows, 4, 2);
  CHECK(rows == before);

  const auto gguf = open_golden("llama-llama3.gguf");
  CHECK(has_interleaved_rows(gguf->config(), {TensorRole::q, 0}));
  CHECK(has_interleaved_rows(gguf->config(), {TensorRole::k_bias, 1}));
  CHECK_FALSE(has_interleaved_rows(gguf->config(), {TensorRole::v, 0}));
  CHECK_FALSE(has_interleaved_rows(open_golden("llama-llama3")->config(), {TensorRole::q, 0}));
  CHECK_FALSE(has_interleaved_rows(open_golden("qwen3.gguf")->config(), {TensorRole::q, 0}));
}

TEST_CASE("a fingerprint tells models apart, wherever they lie") {
  const std::string one = fingerprint(*open_golden("qwen3"));
  CHECK(one.size() == 64);
  CHECK(one == fingerprint(*open_golden("qwen3")));
  CHECK(one != fingerprint(*open_golden("qwen3.gguf")));
  CHECK(one != fingerprint(*open_golden("qwen2-bias")));

  // An embedding of 6 KiB: its first 4 KiB and its last, either end changed.
  const std::string folder = test::temporary_folder() + "/model";
  std::filesystem::copy(test::golden("models/qwen2-yarn"), folder);
  const std::string weights = folder + "/model.safetensors", bytes = test::read_text(weights);
  const auto base = open_golden("qwen2-yarn");
  const auto embedding = base->weights().embedding.bytes;
  const size_t at = bytes.find({reinterpret_cast<const char*>(embedding.data()), embedding.size()});
  REQUIRE(at != std::string::npos);
  CHECK(fingerprint(*open_model(folder)) == fingerprint(*base));
  for (const size_t changed : {at, at + embedding.size() - 1}) {
    std::string other = bytes;
    other[changed] = static_cast<char>(other[changed] ^ 1);
    test::write_text(weights, other);
    CHECK(fingerprint(*open_model(folder)) != fingerprint(*base));
  }
}
