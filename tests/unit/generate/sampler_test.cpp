#include <nalar/error.h>
#include <nalar/sampler.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "random_logits.h"
#include "support/catch.h"

namespace nalar {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

SamplingOptions neutral() {
  SamplingOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  return options;
}

TokenId sample_at(const SamplingOptions& options, std::vector<float> logits, size_t position,
                  uint64_t sequence = 0) {
  const std::vector<TokenId> history(position, 0);
  return Sampler(options, sequence).sample(history, logits);
}

TEST_CASE("greedy takes the best logit and the lowest id on a tie") {
  SamplingOptions options;
  options.temperature = 0;
  CHECK(sample_at(options, {1, 3, 3, 2}, 5) == 1);
  options.repeat_penalty = 2;
  std::vector<float> logits = {1, 3, 2, 2};
  CHECK(Sampler(options).sample(std::vector<TokenId>{1}, logits) == 2);
}

// Draws n times at rising positions and compares the counts with `p`: chi-square, whose false alarm
// rate at the limit (mean + 6 deviations of the statistic, about a normal one) is under 1e-6; the
// seed is fixed.
void check_distribution(const SamplingOptions& options, const std::vector<float>& logits,
                        const std::vector<double>& p) {
  constexpr int kDraws = 20000;
  std::vector<int> counts(p.size());
  Sampler sampler(options);
  std::vector<TokenId> history;
  for (int i = 0; i < kDraws; ++i) {
    std::vector<float> copy = logits;
    ++counts.at(static_cast<size_t>(sampler.sample(history, copy)));
    history.push_back(0);
  }
  double chi2 = 0;
  int free = -1;
  for (size_t id = 0; id < p.size(); ++id) {
    if (p[id] == 0) {
      CHECK(counts[id] == 0);
      continue;
    }
    const double expected = p[id] * kDraws;
    REQUIRE(expected > 5);  // where the statistic is near to its limit distribution
    chi2 += (counts[id] - expected) * (counts[id] - expected) / expected;
    ++free;
  }
  CHECK(chi2 <= free + 6 * std::sqrt(2.0 * free) + 6);
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature,
                            const std::vector<bool>& kept) {
  std::vector<double> p(logits.size());
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i)
    sum += p[i] = kept[i] ? std::exp(logits[i] / temperature) : 0;
  for (double& x : p) x /= sum;
  return p;
}

TEST_CASE("tokens are drawn as often as their probability says") {
  const std::vector<float> logits = {1.0f, 0.5f, -0.25f, 2.0f, 1.75f, -1.0f, 0.0f, 0.75f};
  const std::vector<bool> all(logits.size(), true);
  SamplingOptions options = neutral();
  SECTION("plain") { check_distribution(options, logits, softmax(logits, 1, all)); }
  SECTION("temperature") {
    options.temperature = 0.6f;
    check_distribution(options, logits, softmax(logits, 0.6f, all));
  }
  SECTION("top-k") {
    options.top_k = 3;
    check_distribution(options, logits,
                       softmax(logits, 1, {true, false, false, true, true, false, false, false}));
  }
  SECTION("top-p of what top-k left; temperature last") {
    // Of the 4 best, e^2 e^1.75 e^1 e^0.75 have shares .42 .33 .16 .12 (sums .42 .74 .88 1).
    options.top_k = 4;
    options.top_p = 0.8f;
    options.temperature = 3;
    check_distribution(options, logits,
                       softmax(logits, 3, {true, false, false, true, true, false, false, false}));
  }
  SECTION("min-p") {
    options.min_p = 0.25f;  // log 0.25 = -1.386: all from 0.614 on
    check_distribution(options, logits,
                       softmax(logits, 1, {true, false, false, true, true, false, false, true}));
  }
  SECTION("bias") {
    options.logit_bias = {{3, -kInf}, {5, 2.0f}};
    std::vector<float> biased = logits;
    biased[5] += 2;
    check_distribution(options, logits,
                       softmax(biased, 1, {true, true, true, false, true, true, true, true}));
  }
}

TEST_CASE("a draw depends on seed, sequence and position, and on nothing before it") {
  const std::vector<float> logits = test::RandomLogits{500, 1}.make(1);
  SamplingOptions options = neutral();
  Sampler one(options);
  std::vector<TokenId> history;
  std::vector<TokenId> drawn;
  for (size_t i = 0; i < 50; ++i) {
    std::vector<float> copy = logits;
    drawn.push_back(one.sample(history, copy));
    history.push_back(drawn.back());
  }
  std::map<TokenId, int> distinct;
  for (size_t i = 0; i < drawn.size(); ++i) {
    CHECK(sample_at(options, logits, i) == drawn[i]);
    ++distinct[drawn[i]];
  }
  CHECK(distinct.size() > 25);

  const auto differs_somewhere = [&](const SamplingOptions& other, uint64_t sequence) {
    for (size_t i = 0; i < drawn.size(); ++i) {
      if (sample_at(other, logits, i, sequence) != drawn[i]) return true;
    }
    return false;
  };
  CHECK(differs_somewhere(options, 1));
  options.seed = 1;
  CHECK(differs_somewhere(options, 0));
}

TEST_CASE(
    "logits that are no numbers end in an error, as does a vocabulary that is all forbidden") {
  SamplingOptions options = neutral();
  try {
    sample_at(options, {0, std::nanf(""), 1}, 0);
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::internal);
  }
  for (const float temperature : {0.0f, 1.0f}) {
    for (const int top_k : {0, 1, 2}) {
      options.temperature = temperature;
      options.top_k = top_k;
      options.top_p = 0.5f;
      options.min_p = 0.5f;
      options.typical_p = 0.5f;
      CHECK_THROWS_AS(sample_at(options, {-kInf, -kInf, -kInf}, 0), Error);
    }
  }
}

TEST_CASE("an option out of its range is named with what was given and what is needed") {
  const auto message = [](const std::function<void(SamplingOptions&)>& change) -> std::string {
    SamplingOptions options;
    change(options);
    try {
      options.validate();
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::usage);
      CHECK_THROWS_AS(Sampler(options), Error);
      return e.what();
    }
    return "accepted";
  };
  CHECK(message([](auto&) {}) == "accepted");
  CHECK(message([](auto& o) { o.temperature = -1; }) == "--temperature: got -1, need 0 or more");
  CHECK(message([](auto& o) { o.temperature = std::nanf(""); }) ==
        "--temperature: got nan, need 0 or more");
  CHECK(message([](auto& o) { o.top_k = -1; }) == "--top-k: got -1, need 0 or more");
  CHECK(message([](auto& o) { o.top_p = 1.5f; }) == "--top-p: got 1.5, need 0 to 1");
  CHECK(message([](auto& o) { o.top_p = std::nanf(""); }) == "--top-p: got nan, need 0 to 1");
  CHECK(message([](auto& o) { o.min_p = -0.5f; }) == "--min-p: got -0.5, need 0 to 1");
  CHECK(message([](auto& o) { o.typical_p = 2; }) == "--typical-p: got 2, need 0 to 1");
  CHECK(message([](auto& o) { o.repeat_penalty = 0; }) ==
        "--repeat-penalty: got 0, need 0.01 to 100");
  CHECK(message([](auto& o) { o.presence_penalty = kInf; }) ==
        "--presence-penalty: got inf, need -1000 to 1000");
  CHECK(message([](auto& o) { o.repeat_last_n = -2; }) ==
        "--repeat-last-n: got -2, need -1 (all), 0 (none) or more");
  CHECK(message([](auto& o) {
          o.logit_bias = {{3, kInf}};
        }) == "--logit-bias: got inf for token 3, need -inf or -1000000 to 1000000");
  CHECK(message([](auto& o) {
          o.logit_bias = {{-3, 1.0f}};
        }) == "--logit-bias: got token -3, need 0 or more");
}

}  // namespace
}  // namespace nalar
