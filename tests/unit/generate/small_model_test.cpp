// The loop on a real engine and a real (small) model.
#include <nalar/error.h>
#include <nalar/generate.h>

#include "engine/cpu_engine.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

struct SmallModel {
  std::shared_ptr<const Model> model = open_model(test::golden("stories260k/stories260K-f32.gguf"));
  std::shared_ptr<const Tokenizer> tokenizer = open_tokenizer(model->files());

  std::unique_ptr<Engine> engine(int threads) const {
    EngineOptions options;
    options.threads = threads;
    return engine::make_cpu_engine(model, options);
  }
  std::vector<TokenId> ids(std::string_view text) const {
    EncodeOptions options;
    options.add_special = true;
    return tokenizer->encode(text, options);
  }
};

TEST_CASE_METHOD(SmallModel, "a story begins as the model's best tokens say") {
  const auto engine = this->engine(1);
  GenerateOptions options;
  options.sampling.temperature = 0;
  options.max_tokens = 40;
  const GenerateResult result =
      Generator(*engine, tokenizer).generate(ids("Once upon a time"), options);
  CHECK(result.text.find(", there was a little girl named") == 0);
  CHECK(result.finish_reason == FinishReason::length);
}

TEST_CASE_METHOD(SmallModel,
                 "equal seeds give equal tokens with any number of threads and any reuse") {
  GenerateOptions options;
  options.max_tokens = 60;
  options.sampling.seed = 11;
  const auto one = engine(1);
  const auto three = engine(3);
  Generator first(*one, tokenizer);
  Generator second(*three, tokenizer);
  const std::vector<TokenId> prompt = ids("Lily went to the park. She saw a dog");
  const GenerateResult result = first.generate(prompt, options);
  second.generate(ids("Lily went to the shop"), options);
  const GenerateResult again = second.generate(prompt, options);
  CHECK(again.reused_tokens > 1);
  CHECK(again.tokens == result.tokens);

  options.sampling.seed = 12;
  CHECK(second.generate(prompt, options).tokens != result.tokens);
}

TEST_CASE_METHOD(SmallModel, "a story longer than the context goes on by shifts") {
  EngineOptions small;
  small.threads = 1;
  small.n_ctx = 32;
  const auto engine = engine::make_cpu_engine(model, small);
  GenerateOptions options;
  options.max_tokens = 100;
  options.on_overflow = Overflow::shift;
  const GenerateResult result =
      Generator(*engine, tokenizer).generate(ids("Tim had a big"), options);
  CHECK(result.tokens.size() == 100);
}

}  // namespace
}  // namespace nalar
