#include "generate/context_plan.h"

#include <nalar/error.h>

#include <numeric>

#include "support/catch.h"

namespace nalar::generate {
namespace {

std::vector<TokenId> counted(size_t n) {
  std::vector<TokenId> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

std::string refusal(size_t prompt, size_t n_ctx, int max_tokens) {
  GenerateOptions options;
  options.max_tokens = max_tokens;
  try {
    return fit_prompt(counted(prompt), n_ctx, options, 0) == counted(prompt) ? "accepted"
                                                                             : "changed";
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::usage);
    return e.what();
  }
}

TEST_CASE("without a policy, prompt and answer must fit") {
  CHECK(refusal(10, 10, 0) == "accepted");  // one token can follow: it needs no place
  CHECK(refusal(10, 10, 1) == "accepted");
  CHECK(refusal(6, 10, 5) == "accepted");
  CHECK(refusal(11, 10, 0) ==
        "the prompt is too long: got 11 tokens, need at most 10 (the context)");
  CHECK(refusal(6, 10, 6) ==
        "--max-tokens: got 6, need at most 5 (a prompt of 6 tokens in a context of 10)");
  CHECK(refusal(0, 10, 1) == "the prompt is empty: got 0 tokens, need 1 or more");
}

TEST_CASE("truncate drops the beginning but for BOS, and only when it must") {
  GenerateOptions options;
  options.on_overflow = Overflow::truncate;
  CHECK(fit_prompt(counted(10), 10, options, 0) == counted(10));
  CHECK(fit_prompt(counted(11), 10, options, 0) == std::vector<TokenId>{0, 7, 8, 9, 10});
  CHECK(fit_prompt(counted(11), 10, options, std::nullopt) == std::vector<TokenId>{6, 7, 8, 9, 10});
  options.max_tokens = 2;
  CHECK(fit_prompt(counted(11), 10, options, std::nullopt) ==
        std::vector<TokenId>{3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(fit_prompt(counted(3), 1, options, 0) == std::vector<TokenId>{2});
}

TEST_CASE("shift keeps the first tokens and the newer half of the rest") {
  CHECK(shifted(counted(14)) == std::vector<TokenId>{0, 1, 2, 3, 9, 10, 11, 12, 13});
  GenerateOptions options;
  options.on_overflow = Overflow::shift;
  options.max_tokens = 1000;
  CHECK(fit_prompt(counted(14), 14, options, 0) == counted(14));
  CHECK(fit_prompt(counted(14), 13, options, 0) == shifted(counted(14)));
  for (const size_t n_ctx : {1, 2, 3, 5, 9, 10}) {
    const std::vector<TokenId> ids = fit_prompt(counted(1000), n_ctx, options, 0);
    CHECK(!ids.empty());
    CHECK(ids.size() <= n_ctx);
    CHECK(ids.back() == 999);
  }
}

}  // namespace
}  // namespace nalar::generate
