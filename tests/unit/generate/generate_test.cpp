#include <nalar/error.h>
#include <nalar/generate.h>

#include <limits>

#include "support/catch.h"
#include "support/fake_engine.h"
#include "support/fake_tokenizer.h"

namespace nalar {
namespace {

using test::FakeEngine;
using Ids = std::vector<TokenId>;

Ids bytes(std::string_view text) {
  Ids ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

Ids operator+(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

GenerateOptions greedy(int max_tokens) {
  GenerateOptions options;
  options.sampling.temperature = 0;
  options.max_tokens = max_tokens;
  return options;
}

// The texts of the events, joined with bars, beside the result.
struct Told {
  GenerateResult result;
  std::string events;
  std::string text;
};

struct Fixture {
  std::shared_ptr<const test::FakeTokenizer> tokenizer = std::make_shared<test::FakeTokenizer>();
  TokenId bos = *tokenizer->special().bos;
  TokenId eos = *tokenizer->special().eos;

  // What the loop makes of a model that gives this answer to the prompt "p".
  Told tell(const Ids& answer, const GenerateOptions& options) const {
    FakeEngine engine(tokenizer->n_tokens(), 100, test::scripted(answer, 1));
    Generator generator(engine, tokenizer);
    Told told;
    told.result = generator.generate(bytes("p"), options, [&](const TokenEvent& event) {
      told.events += std::string(event.text) + "|";
      told.text += event.text;
      return true;
    });
    CHECK(told.text == told.result.text);
    return told;
  }
};

TEST_CASE_METHOD(Fixture, "max_tokens ends it") {
  const Told told = tell(bytes("hello"), greedy(3));
  CHECK(told.result.text == "hel");
  CHECK(told.events == "h|e|l|");
  CHECK(told.result.finish_reason == FinishReason::length);
  CHECK(told.result.tokens == bytes("hel"));
  CHECK(told.result.prompt_tokens == 1);
  CHECK(told.result.reused_tokens == 0);
}

TEST_CASE_METHOD(Fixture, "an end id ends it and is told, without text") {
  GenerateOptions options = greedy(0);
  options.end_ids = {eos, 'z'};
  const Told told = tell(bytes("hi") + Ids{eos}, options);
  CHECK(told.result.text == "hi");
  CHECK(told.events == "h|i||");
  CHECK(told.result.finish_reason == FinishReason::eos);
  CHECK(told.result.tokens == bytes("hi") + Ids{eos});
  CHECK(tell(bytes("az"), options).result.text == "a");
}

TEST_CASE_METHOD(Fixture, "with ignore_eos no end id is drawn") {
  GenerateOptions options = greedy(5);
  options.end_ids = {eos};
  options.ignore_eos = true;
  // All others have logit 0: the lowest id.
  CHECK(tell(Ids{'a', eos}, options).result.tokens == Ids{'a', 0, 0, 0, 0});
}

TEST_CASE_METHOD(Fixture, "a stop text ends it, is left out, and may span tokens") {
  GenerateOptions options = greedy(20);
  options.stop = {"STOP"};
  const Told told = tell(bytes("a STSTOP b"), options);
  CHECK(told.result.text == "a ST");
  CHECK(told.result.finish_reason == FinishReason::stop);
  CHECK(told.events == "a| |||ST||||");  // S and T are held back until the second S
  CHECK(told.result.tokens == bytes("a STSTOP"));
}

TEST_CASE_METHOD(Fixture, "what was held back for a stop is told when it ends otherwise") {
  GenerateOptions options = greedy(4);
  options.stop = {"STOP"};
  options.end_ids = {eos};
  CHECK(tell(bytes("a STOP"), options).events == "a| ||ST|");
  CHECK(tell(bytes("aST") + Ids{eos}, options).events == "a|||ST|");
}

TEST_CASE_METHOD(Fixture, "text never ends in half a character") {
  const Told told = tell(bytes("\xc3\xa9\xe2\x82\xac\xf0\x9f"), greedy(7));
  CHECK(told.events == "|\xc3\xa9|||\xe2\x82\xac||\xef\xbf\xbd|");
}

TEST_CASE_METHOD(Fixture, "the callback can end it") {
  FakeEngine engine(tokenizer->n_tokens(), 100, test::scripted(bytes("abST-more"), 1));
  Generator generator(engine, tokenizer);
  GenerateOptions options = greedy(0);
  options.stop = {"STOP"};
  int events = 0;
  const GenerateResult result =
      generator.generate(bytes("p"), options, [&](const TokenEvent&) { return ++events < 4; });
  CHECK(result.finish_reason == FinishReason::cancelled);
  CHECK(result.tokens == bytes("abST"));
  CHECK(result.text == "abST");
}

TEST_CASE_METHOD(Fixture, "ids beyond the tokenizer's are never drawn") {
  const int vocab_size = tokenizer->n_tokens() + 10;
  FakeEngine engine(vocab_size, 100, [&](std::span<const TokenId>, std::span<float> logits) {
    for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i);
  });
  Generator generator(engine, tokenizer);
  CHECK(generator.generate(bytes("p"), greedy(2)).tokens == Ids{eos, eos});
  GenerateOptions options;
  options.max_tokens = 50;
  options.sampling.temperature = 100;
  for (const TokenId id : generator.generate(bytes("p"), options).tokens) CHECK(id <= eos);
}

TEST_CASE_METHOD(Fixture, "log-probabilities are the model's own") {
  FakeEngine engine(tokenizer->n_tokens(), 100, test::hashed_logits);
  Generator generator(engine, tokenizer);
  GenerateOptions options = greedy(3);
  const GenerateResult plain = generator.generate(bytes("p"), options);
  CHECK(plain.logprobs.empty());
  options.logprobs = 2;
  options.sampling.logit_bias = {{'x', 100.0f}};
  const GenerateResult result =
      generator.generate(bytes("p"), options, [](const TokenEvent& event) {
        REQUIRE(event.score != nullptr);
        CHECK(event.score->id == event.id);
        return true;
      });
  REQUIRE(result.logprobs.size() == 3);
  const TokenScore& first = result.logprobs[0];
  CHECK(first.id == 'x');
  CHECK(first.token == "x");
  CHECK(first.top.size() == 2);
  CHECK(first.top[0].id == plain.tokens[0]);  // the bias is not in it
  CHECK(first.top[0].logprob >= first.top[1].logprob);
  CHECK(first.logprob <= first.top[0].logprob);
}

// What a new Generator on a new engine says.
GenerateResult anew(const Fixture& fixture, const Ids& prompt, const GenerateOptions& options) {
  FakeEngine engine(fixture.tokenizer->n_tokens(), 100, test::hashed_logits);
  return Generator(engine, fixture.tokenizer).generate(prompt, options);
}

TEST_CASE_METHOD(Fixture, "a sequence is gone on with, and the result is as if it were not") {
  FakeEngine engine(tokenizer->n_tokens(), 100, test::hashed_logits);
  Generator generator(engine, tokenizer);
  GenerateOptions options;
  options.max_tokens = 6;
  options.sampling.seed = 3;
  const Ids first_prompt = bytes("first turn");
  const GenerateResult first = generator.generate(first_prompt, options);
  CHECK(first.tokens == anew(*this, first_prompt, options).tokens);

  const Ids second_prompt = first_prompt + first.tokens + bytes(" second");
  const int before = engine.forwarded();
  const GenerateResult second = generator.generate(second_prompt, options);
  CHECK(second.tokens == anew(*this, second_prompt, options).tokens);
  CHECK(second.reused_tokens == 10 + 5);  // the last token of an answer was never fed
  CHECK(engine.forwarded() - before == static_cast<int>(second_prompt.size()) - 15 + 5);

  SECTION("the same prompt again computes its last token") {
    const GenerateResult again = generator.generate(second_prompt, options);
    CHECK(again.tokens == second.tokens);
    CHECK(again.reused_tokens == static_cast<int>(second_prompt.size()) - 1);
  }
  SECTION("another beginning keeps what is common") {
    const GenerateResult other = generator.generate(bytes("first thing"), options);
    CHECK(other.tokens == anew(*this, bytes("first thing"), options).tokens);
    CHECK(other.reused_tokens == 7);
  }
  SECTION("reset forgets") {
    generator.reset();
    CHECK(engine.n_sequences() == 0);
    CHECK(generator.generate(second_prompt, options).reused_tokens == 0);
  }
}

TEST_CASE_METHOD(Fixture, "without a limit it goes on until the context is full") {
  FakeEngine engine(tokenizer->n_tokens(), 16, test::scripted(bytes("x"), 6));
  Generator generator(engine, tokenizer);
  GenerateOptions options = greedy(0);
  const GenerateResult result = generator.generate(bytes("prompt"), options);
  CHECK(result.finish_reason == FinishReason::length);
  CHECK(result.tokens.size() == 11);  // the last needs no place
  options.on_overflow = Overflow::truncate;
  generator.reset();
  CHECK(generator.generate(bytes("prompt"), options).tokens.size() == 11);
}

TEST_CASE_METHOD(Fixture, "a prompt over the context is refused, or cut when asked for") {
  FakeEngine engine(tokenizer->n_tokens(), 16, test::hashed_logits);
  Generator generator(engine, tokenizer);
  GenerateOptions options = greedy(3);
  const Ids prompt = Ids{bos} + bytes("a prompt of more than sixteen");
  CHECK_THROWS_AS(generator.generate(prompt, options), Error);
  CHECK_THROWS_AS(generator.generate({}, options), Error);

  options.on_overflow = Overflow::truncate;
  const GenerateResult cut = generator.generate(prompt, options);
  CHECK(cut.prompt_tokens == 13);
  CHECK(cut.tokens == anew(*this, Ids{bos} + bytes("than sixteen"), greedy(3)).tokens);
}

TEST_CASE_METHOD(Fixture, "shift goes on without end on what it keeps") {
  FakeEngine engine(tokenizer->n_tokens(), 16, test::hashed_logits);
  Generator generator(engine, tokenizer);
  GenerateOptions options = greedy(60);
  options.on_overflow = Overflow::shift;
  const Ids prompt = bytes("0123456789");
  const GenerateResult result = generator.generate(prompt, options);
  CHECK(result.tokens.size() == 60);
  CHECK(result.finish_reason == FinishReason::length);

  // The twin computes every context anew: the first four, then the newer half of the rest.
  Ids context = prompt;
  Ids twin;
  std::vector<float> logits(static_cast<size_t>(tokenizer->n_tokens()));
  for (int i = 0; i < 60; ++i) {
    test::hashed_logits(context, logits);
    twin.push_back(
        static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    context.push_back(twin.back());
    if (context.size() > 16) context.erase(context.begin() + 4, context.begin() + 4 + 6);
  }
  CHECK(result.tokens == twin);
}

TEST_CASE_METHOD(Fixture, "a failure of the engine leaves nothing wrong behind") {
  int fail_at = 4;
  FakeEngine engine(tokenizer->n_tokens(), 100,
                    [&](std::span<const TokenId> tokens, std::span<float> logits) {
                      if (--fail_at == 0) throw Error(ErrorKind::os, "no memory");
                      test::hashed_logits(tokens, logits);
                    });
  Generator generator(engine, tokenizer);
  const GenerateOptions options = greedy(6);
  CHECK_THROWS_AS(generator.generate(bytes("prompt"), options), Error);
  CHECK(generator.generate(bytes("prompt"), options).tokens ==
        anew(*this, bytes("prompt"), options).tokens);
}

TEST_CASE_METHOD(Fixture,
                 "logits that are no numbers end in an error that says whose fault it is") {
  FakeEngine engine(
      tokenizer->n_tokens(), 100, [](std::span<const TokenId>, std::span<float> logits) {
        std::fill(logits.begin(), logits.end(), std::numeric_limits<float>::quiet_NaN());
      });
  Generator generator(engine, tokenizer);
  try {
    generator.generate(bytes("p"), greedy(1));
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::internal);
  }
}

TEST_CASE_METHOD(Fixture, "options out of their range are named") {
  GenerateOptions options = greedy(-1);
  CHECK_THROWS_WITH(tell({'a'}, options), "--max-tokens: got -1, need 0 or more");
  options = greedy(1);
  options.logprobs = -2;
  CHECK_THROWS_WITH(tell({'a'}, options), "--logprobs: got -2, need 0 or more");
  options = greedy(1);
  options.stop = {""};
  CHECK_THROWS_AS(tell({'a'}, options), Error);
}

}  // namespace
}  // namespace nalar
