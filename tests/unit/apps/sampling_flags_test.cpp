#include "sampling_flags.h"

#include <nalar/error.h>

#include <algorithm>
#include <cmath>

#include "support/catch.h"
#include "support/fake_tokenizer.h"

namespace nalar::apps {
namespace {

struct Sample {
  CLI::App app{"", "run"};
  OptionSet options{app};
  SamplingFlags flags;
  test::FakeTokenizer tokenizer;

  explicit Sample(std::vector<std::string> arguments = {}) {
    declare_sampling_flags(options, flags);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
    options.apply_command_line();
  }
  Sampling resolve(const GenerationDefaults& model = {}) {
    return apps::resolve(flags, options, model, tokenizer);
  }
};

bool says(const Sampling& sampling, const std::string& line) {
  return std::find(sampling.origins.begin(), sampling.origins.end(), line) !=
         sampling.origins.end();
}

GenerationDefaults from_model() {
  GenerationDefaults model;
  model.temperature = 0.6F;
  model.top_k = 20;
  model.repeat_penalty = 1.1F;
  model.source = "generation_config.json";
  return model;
}

}  // namespace

TEST_CASE("without flags and model values the built-in ones hold") {
  const Sampling s = Sample().resolve();
  CHECK(s.options.temperature == 0.8F);
  CHECK(s.options.top_k == 40);
  CHECK(s.options.top_p == 0.95F);
  CHECK(s.options.min_p == 0.05F);
  CHECK(says(s, "top-k 40 (built in)"));
}

TEST_CASE("the model's values go before the built-in ones, flags before both") {
  Sample sample({"--top-k", "3"});
  sample.options.apply_config(Json::Object{{"repeat-penalty", 1.5}, {"top-k", 9}}, "c.toml");
  const Sampling s = sample.resolve(from_model());
  CHECK(s.options.temperature == 0.6F);
  CHECK(s.options.top_k == 3);
  CHECK(s.options.repeat_penalty == 1.5F);
  CHECK(says(s, "temp 0.6 (generation_config.json)"));
  CHECK(says(s, "top-k 3 (command line)"));
  CHECK(says(s, "repeat-penalty 1.5 (c.toml)"));
}

TEST_CASE("greedy") {
  CHECK(Sample({"--greedy"}).resolve(from_model()).options.temperature == 0);
  GenerationDefaults model = from_model();
  model.do_sample = false;
  CHECK(Sample().resolve(model).options.temperature == 0);
  CHECK(Sample({"--temp", "0.3"}).resolve(model).options.temperature == 0.3F);
  CHECK_THROWS_AS(Sample({"--greedy", "--temp", "0.3"}).resolve(), Error);
  CHECK(Sample({"--greedy", "--temp", "0"}).resolve().options.temperature == 0);
  Sample sample({"--temp", "0.3"});
  sample.options.apply_config(Json::Object{{"greedy", true}}, "c.toml");
  CHECK(sample.resolve().options.temperature == 0.3F);
}

TEST_CASE("seeds are drawn anew, or given") {
  CHECK(Sample({"--seed", "18446744073709551615"}).resolve().options.seed == UINT64_MAX);
  CHECK(Sample().resolve().options.seed != Sample().resolve().options.seed);
}

TEST_CASE("logit bias") {
  const Sampling s = Sample({"--logit-bias", "5=-inf", "--logit-bias", "6=1.5"}).resolve();
  REQUIRE(s.options.logit_bias.size() == 2);
  CHECK(s.options.logit_bias[0].first == 5);
  CHECK(std::isinf(s.options.logit_bias[0].second));
  CHECK(s.options.logit_bias[1] == std::pair<TokenId, float>(6, 1.5F));
  for (const char* bad : {"5", "=1", "x=1", "-1=1", "258=1", "5=", "5=x", "5=nan", "5=inf"}) {
    CHECK_THROWS_AS(Sample({"--logit-bias", bad}).resolve(), Error);
  }
}

}  // namespace nalar::apps
