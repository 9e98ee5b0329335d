#include "generate/logit_processors.h"

#include <nalar/error.h>

#include <limits>
#include <map>

#include "random_logits.h"
#include "support/catch.h"

namespace nalar::generate {
namespace {

TEST_CASE("a bias is added, -inf forbids") {
  std::vector<float> logits = {0, 1, 2};
  LogitBias({{1, 2.5f}, {2, -std::numeric_limits<float>::infinity()}, {1, 1.0f}}).apply({}, logits);
  CHECK(logits == std::vector<float>{0, 4.5f, -std::numeric_limits<float>::infinity()});
  for (const TokenId id : {-1, 3}) {
    try {
      LogitBias({{id, 1.0f}}).apply({}, logits);
      FAIL("accepted");
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::usage);
      CHECK(std::string(e.what()) ==
            "--logit-bias: got token " + std::to_string(id) + ", need 0 to 2");
    }
  }
}

// The twin: each token of the vocabulary looks itself up in the window.
std::vector<float> penalized_twin(std::vector<float> logits, std::vector<TokenId> history,
                                  const PenaltySpec& spec) {
  if (spec.last_n >= 0 && history.size() > static_cast<size_t>(spec.last_n)) {
    history.erase(history.begin(), history.end() - spec.last_n);
  }
  std::map<TokenId, int> count;
  for (const TokenId t : history) ++count[t];
  for (size_t id = 0; id < logits.size(); ++id) {
    const auto found = count.find(static_cast<TokenId>(id));
    if (found == count.end()) continue;
    logits[id] = logits[id] > 0 ? logits[id] / spec.repeat : logits[id] * spec.repeat;
    logits[id] -= static_cast<float>(found->second) * spec.frequency + spec.presence;
  }
  return logits;
}

TEST_CASE("penalties reach the tokens of the window and no other") {
  const test::RandomLogits shape{200, 3, false, true};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<TokenId> history(seed * 7);
    for (size_t i = 0; i < history.size(); ++i) {
      history[i] = static_cast<TokenId>(base::uniform(seed, 77, i) * 40);
    }
    for (const PenaltySpec& spec :
         {PenaltySpec{1.3f, 0, 0, 64}, PenaltySpec{1, 0.5f, 0, 10}, PenaltySpec{1, 0, 0.25f, -1},
          PenaltySpec{0.8f, -1, 2, 1}, PenaltySpec{2, 1, 1, 0}}) {
      std::vector<float> logits = shape.make(seed);
      const std::vector<float> twin = penalized_twin(logits, history, spec);
      Penalties(spec).apply(history, logits);
      CHECK(logits == twin);
    }
  }
}

TEST_CASE("ids of the history that have no logit are left alone") {
  std::vector<float> logits = {1, 2};
  Penalties({2, 0, 0, 64}).apply(std::vector<TokenId>{5, 1, -3}, logits);
  CHECK(logits == std::vector<float>{1, 1});
}

}  // namespace
}  // namespace nalar::generate
