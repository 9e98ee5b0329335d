#include "quant/mix.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"

namespace nalar::quant {
namespace {

// As scripts/make_golden_mixes.py makes them, the matrices alone.
std::vector<MixTensor> matrices(const Json& model) {
  const auto number = [&](const char* key) { return model.find(key)->as_int64(); };
  const int64_t width = number("width"), ff = number("ff");
  const int64_t kv = width / number("heads") * number("kv_heads");
  std::vector<MixTensor> out = {{"token_embd.weight", DType::f32, {32, width}}};
  for (int64_t i = 0; i < number("layers"); ++i) {
    const auto add = [&](const char* name, int64_t rows, int64_t columns) {
      out.push_back({fmt::format("blk.{}.{}.weight", i, name), DType::f32, {rows, columns}});
    };
    add("attn_q", width, width);
    add("attn_k", kv, width);
    add("attn_v", kv, width);
    add("attn_output", width, width);
    add("ffn_gate", ff, width);
    add("ffn_up", ff, width);
    add("ffn_down", width, ff);
  }
  if (!model.find("tied")->as_bool()) {
    out.push_back({"output.weight", DType::f32, {32, width}});
  }
  return out;
}

MixModel shape_of(const Json& model, bool statistics) {
  const auto number = [&](const char* key) {
    return static_cast<int>(model.find(key)->as_int64());
  };
  return {"llama", number("layers"), number("heads"), number("kv_heads"), statistics};
}

const Json& named(const Json& models, const std::string& name) {
  for (const Json& model : models.as_array()) {
    if (model.find("name")->as_string() == name) return model;
  }
  throw Error(ErrorKind::internal, "no model " + name);
}

const std::vector<MixTensor> kSmall = {{"token_embd.weight", DType::f16, {32, 256}},
                                       {"blk.0.attn_norm.weight", DType::f32, {256}},
                                       {"blk.0.attn_q.weight", DType::f16, {256, 256}},
                                       {"blk.0.ffn_down.weight", DType::f16, {256, 96}},
                                       {"blk.0.attn_q.bias", DType::f32, {256}}};
const MixModel kSmallModel = {"llama", 1, 4, 4, false};

// A case of mixes.json: every matrix gets the type that llama-quantize gave it.
void check_types(const Json& models, const Json& c, QuantizeOptions options) {
  const std::string& name = c.find("model")->as_string();
  const Json& model = named(models, name);
  options.mix = *parse_mix(c.find("mix")->as_string());
  const auto tensors = matrices(model);
  const auto choices =
      choose_types(options, shape_of(model, c.find("statistics")->as_bool()), tensors);
  INFO(to_text(c));
  size_t i = 0;
  for (const Json& run : c.find("types")->as_array()) {
    for (int64_t k = 0; k < run.as_array()[1].as_int64(); ++k, ++i) {
      INFO(tensors[i].name);
      CHECK(nalar::name(choices.at(i).type) == run.as_array()[0].as_string());
    }
  }
  CHECK(i == choices.size());
}

}  // namespace

TEST_CASE("every mix gives every tensor the type that llama-quantize gives it") {
  const Json golden = parse_json(test::read_text(test::golden("quant/mixes.json")));
  CHECK(golden.find("cases")->as_array().size() == 4 * 19 * 2);
  for (const Json& c : golden.find("cases")->as_array()) {
    check_types(*golden.find("models"), c, {});
  }
}

TEST_CASE("which option names a tensor's type is as in llama-quantize") {
  const Json golden = parse_json(test::read_text(test::golden("quant/mixes.json")));
  CHECK(golden.find("overridden")->as_array().size() == 3 * 6);
  for (const Json& c : golden.find("overridden")->as_array()) {
    const Json& overrides = *c.find("overrides");
    const auto type = [&](const char* key) -> std::optional<DType> {
      const Json* const name = overrides.find(key);
      return name == nullptr ? std::nullopt : parse_weight_type(name->as_string());
    };
    QuantizeOptions options;
    options.output_type = type("output");
    options.embedding_type = type("embedding");
    if (const Json* const rule = overrides.find("tensor")) {
      options.tensors.emplace_back(rule->as_array()[0].as_string(),
                                   *parse_weight_type(rule->as_array()[1].as_string()));
    }
    check_types(*golden.find("models"), c, options);
  }
}

TEST_CASE("names of mixes and types are read in any case, and printed as they are known") {
  CHECK(parse_mix("q4_k_m") == Mix::q4_k_m);
  CHECK(name(Mix::iq4_xs) == "IQ4_XS");
  CHECK_FALSE(parse_mix("Q4_K"));
  CHECK(parse_weight_type("bf16") == DType::bf16);
  CHECK(parse_weight_type("Q4_K") == DType::q4_k);
  CHECK_FALSE(parse_weight_type("I32"));
  CHECK_FALSE(parse_weight_type(""));
  CHECK(file_type(Mix::q4_k_m) == 15);
  CHECK(mix_of(DType::q4_k) == Mix::q4_k_m);
  CHECK(mix_of(DType::q8_0) == Mix::q8_0);
}

TEST_CASE("norms, biases and vectors stay what they are") {
  const auto choices = choose_types({}, kSmallModel, kSmall);
  CHECK_FALSE(choices[1].quantizable);
  CHECK(choices[1].type == DType::f32);
  CHECK(choices[4].type == DType::f32);
  CHECK(choices[3].fell_back);  // 96 columns
  CHECK(choices[3].type == DType::q8_0);
  CHECK_FALSE(choices[2].fell_back);
}

TEST_CASE("options for one tensor come before the mix, the first pattern that matches holds") {
  QuantizeOptions options;
  options.tensors = {{"attn_q", DType::q5_1}, {"blk", DType::q8_0}};
  options.output_type = DType::f16;
  auto choices = choose_types(options, kSmallModel, kSmall);
  CHECK(choices[0].type == DType::f16);  // tied: the embedding is the head
  CHECK(choices[2].type == DType::q5_1);
  CHECK(choices[2].fixed);
  CHECK(choices[3].type == DType::q8_0);
  options.tensors.emplace_back("embd", DType::q5_0);
  choices = choose_types(options, kSmallModel, kSmall);
  CHECK(choices[0].type == DType::q5_0);  // there a pattern comes before it
  options.tensors.pop_back();
  options.embedding_type = DType::q4_0;
  choices = choose_types(options, kSmallModel, kSmall);
  CHECK(choices[0].type == DType::q4_0);
}

TEST_CASE("v of models of 70 B gets more bits, in llama with shared heads and in every qwen2") {
  std::vector<MixTensor> tensors;
  for (int i = 0; i < 80; ++i) {
    tensors.push_back({"blk." + std::to_string(i) + ".attn_v.weight", DType::f16, {256, 256}});
  }
  const auto type = [&](const std::string& architecture, int n_kv_heads) {
    return choose_types({}, {architecture, 80, 64, n_kv_heads, false}, tensors)[10].type;
  };
  CHECK(type("llama", 8) == DType::q5_k);
  CHECK(type("llama", 64) == DType::q4_k);
  CHECK(type("qwen2", 8) == DType::q5_k);
  CHECK(type("qwen2", 64) == DType::q5_k);
  CHECK(type("qwen3", 8) == DType::q4_k);
}

TEST_CASE("pure: one type for every matrix that can have it") {
  QuantizeOptions options;
  options.pure = true;
  const auto choices = choose_types(options, kSmallModel, kSmall);
  CHECK(choices[0].type == DType::q4_k);
  CHECK(choices[2].type == DType::q4_k);
  CHECK(choices[3].type == DType::q5_0);
}

TEST_CASE("what an option asks for and cannot be is an error that says why") {
  const auto error = [](const QuantizeOptions& options) {
    return test::error_of([&] { choose_types(options, kSmallModel, kSmall); });
  };
  QuantizeOptions options;
  options.tensors = {{"ffn_down", DType::q4_k}};
  CHECK(error(options) ==
        "tensor blk.0.ffn_down.weight: rows of 96 values cannot be Q4_K, whose blocks have 256");
  options.tensors = {{"ffn_gate", DType::q4_0}};
  CHECK(error(options).starts_with("--tensor ffn_gate: matches no matrix of the model"));
  options.tensors = {{"(", DType::q4_0}};
  CHECK(error(options).starts_with("--tensor: invalid pattern \"(\": "));
}

}  // namespace nalar::quant
