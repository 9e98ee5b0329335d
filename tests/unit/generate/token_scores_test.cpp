#include "generate/token_scores.h"

#include <cmath>

#include "support/catch.h"
#include "support/fake_tokenizer.h"

namespace nalar::generate {
namespace {

TEST_CASE("scores are log-probabilities over all rows, the best among tokens that exist") {
  const test::FakeTokenizer tokenizer;
  // Two rows more than there are tokens, one of them the best.
  std::vector<float> logits(static_cast<size_t>(tokenizer.n_tokens()) + 2, 0.0f);
  logits['a'] = 3;
  logits['b'] = 4;
  logits.back() = 5;
  const double sum =
      static_cast<double>(logits.size() - 3) + std::exp(3.0) + std::exp(4.0) + std::exp(5.0);

  const TokenScores scores(logits, tokenizer);
  const TokenScore score = scores.score('a', 2);
  CHECK(score.id == 'a');
  CHECK(score.token == "a");
  CHECK(score.logprob == Approx(3 - std::log(sum)).epsilon(1e-6));
  REQUIRE(score.top.size() == 2);
  CHECK(score.top[0].id == 'b');
  CHECK(score.top[0].logprob == Approx(4 - std::log(sum)).epsilon(1e-6));
  CHECK(score.top[1].id == 'a');
  CHECK(scores.score(*tokenizer.special().eos, 0).token == "<eos>");
  CHECK(scores.score('a', 0).top.empty());
  CHECK(scores.score('a', 100000).top.size() == static_cast<size_t>(tokenizer.n_tokens()));
}

TEST_CASE("large logits do not overflow") {
  const test::FakeTokenizer tokenizer;
  std::vector<float> logits(static_cast<size_t>(tokenizer.n_tokens()), -1e30f);
  logits['x'] = 1e30f;
  const TokenScores scores(logits, tokenizer);
  CHECK(scores.score('x', 0).logprob == 0);
  CHECK(scores.score('y', 0).logprob == -2e30f);
}

}  // namespace
}  // namespace nalar::generate
