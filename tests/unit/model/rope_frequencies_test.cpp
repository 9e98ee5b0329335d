#include "model/rope_frequencies.h"

#include <nalar/json.h>

#include <cmath>

#include "model/rope_config.h"
#include "support/catch.h"
#include "support/material.h"

using namespace nalar;

namespace {

// transformers computes in float: a power, a division, at most three products and a sum.
constexpr double kTolerance = 1e-6;

}  // namespace

TEST_CASE("frequencies are those of transformers") {
  const Json rows = parse_json(test::read_text(test::golden("models/rope.json")));
  REQUIRE(rows.as_array().size() == 7);
  for (const Json& row : rows.as_array()) {
    INFO(to_text(*row.find("rope_parameters")));
    model::RopeDefaults defaults;
    defaults.head_dim = static_cast<int>(row.find("head_dim")->as_int64());
    defaults.n_ctx_train = 131072;
    const model::HfConfig parameters(*row.find("rope_parameters"));
    const RopeSpec spec = model::hf_rope_parameters(parameters, 1, defaults);
    const model::RopeFrequencies got = model::rope_frequencies(spec);
    const Json::Array& expected = row.find("inverse")->as_array();
    REQUIRE(got.inverse.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const double want = expected[i].as_double();
      INFO("pair " << i << ": " << got.inverse[i] << " " << want);
      CHECK(std::abs(got.inverse[i] - want) <= kTolerance * want);
    }
    CHECK(std::abs(got.attention_factor - row.find("attention_factor")->as_double()) < 1e-6);
  }
}

TEST_CASE("factors of a file divide the frequencies") {
  RopeSpec spec = model::plain_rope(10000, 4);
  CHECK(model::rope_frequencies(spec).inverse == std::vector<float>{1, 0.01f});
  spec.scaling.freq_factors = {1, 8};
  CHECK(model::rope_frequencies(spec).inverse == std::vector<float>{1, 0.00125f});
  CHECK(model::rope_frequencies(spec).attention_factor == 1);
}

// llama.cpp's converter writes llama3's formula as factors, so both must give the same frequencies.
TEST_CASE("llama3's formula and the factors of a GGUF agree") {
  RopeSpec formula = model::plain_rope(500000, 64);
  formula.scaling.kind = RopeScalingKind::llama3;
  formula.scaling.factor = 32;
  formula.scaling.original_context = 8192;
  RopeSpec factors = model::plain_rope(500000, 64);
  const std::vector<float> plain = model::rope_frequencies(factors).inverse;
  const std::vector<float> scaled = model::rope_frequencies(formula).inverse;
  for (size_t i = 0; i < plain.size(); ++i) {
    factors.scaling.freq_factors.push_back(plain[i] / scaled[i]);
  }
  CHECK(factors.scaling.freq_factors.front() == 1);
  CHECK(factors.scaling.freq_factors.back() == Approx(32));
  const std::vector<float> again = model::rope_frequencies(factors).inverse;
  for (size_t i = 0; i < plain.size(); ++i) CHECK(again[i] == Approx(scaled[i]).epsilon(1e-6));
}
