#include "answer_json.h"

#include "support/catch.h"
#include "support/fake_tokenizer.h"

namespace nalar::apps {

TEST_CASE("the answer as JSON") {
  GenerateResult result;
  result.text = "hi\xff";
  result.finish_reason = FinishReason::eos;
  result.tokens = {104, 105};
  result.prompt_tokens = 10;
  result.reused_tokens = 4;
  result.timings = {.prompt_s = 2, .generate_s = 0.5};
  TokenScore score;
  score.id = 104;
  score.token = "h";
  score.logprob = -0.5F;
  score.top = {{104, "h", -0.5F}, {200, "\xc8", -2}};
  result.logprobs = {score};
  CHECK(to_text(answer_json(result, 0.25, true)) ==
        "{\"text\":\"hi\uFFFD\",\"finish_reason\":\"eos\",\"usage\":{\"prompt_tokens\":10,"
        "\"completion_tokens\":2},"
        "\"timings\":{\"load_s\":0.25,\"prompt_s\":2.0,\"generate_s\":0.5,\"prompt_tokens_per_s\":"
        "3.0,"
        "\"tokens_per_s\":4.0},\"tokens\":[104,105],\"logprobs\":[{\"id\":104,\"token\":\"h\","
        "\"logprob\":-0.5,"
        "\"top\":[{\"id\":104,\"token\":\"h\",\"logprob\":-0.5},{\"id\":200,\"token\":\"\uFFFD\","
        "\"logprob\":-2.0}]}]}");
  CHECK(answer_json(result, 0, false).find("logprobs") == nullptr);
}

TEST_CASE("no time is no rate, not infinity") {
  CHECK(answer_json({}, 0, false).find("timings")->find("tokens_per_s")->as_double() == 0);
}

TEST_CASE("a shown prompt tells which ids are control tokens") {
  const test::FakeTokenizer tokenizer;
  CHECK(to_text(prompt_json({"a", {256, 97}}, tokenizer)) ==
        "{\"text\":\"a\",\"ids\":[256,97],\"special\":[true,false]}");
}

}  // namespace nalar::apps
