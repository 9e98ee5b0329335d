#include "quant/calibration_tokens.h"

#include <nalar/tokenizer.h>

#include <algorithm>
#include <set>

#include "quantize_support.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::quant {

TEST_CASE("drawn tokens are the same every time, of the vocabulary and within the context") {
  for (const char* name : {"stories260k/stories260K-f32.gguf", "models/gemma3.gguf"}) {
    INFO(name);
    const auto model = open_model(test::golden(name));
    const CalibrationTokens tokens = drawn_tokens(*model);
    CHECK(tokens.chunk == std::min(16, model->config().n_ctx_train));
    CHECK(tokens.chunks() == 1);
    CHECK(tokens.ids == drawn_tokens(*model).ids);
    std::set<TokenId> distinct(tokens.ids.begin(), tokens.ids.end());
    CHECK(*distinct.begin() >= 0);
    CHECK(*distinct.rbegin() < model->config().vocab_size);
    // Of 16 of a vocabulary of 48 ids some 14 are distinct.
    CHECK(distinct.size() > tokens.ids.size() / 2);
  }
}

TEST_CASE("each chunk of a text begins with BOS where the tokenizer adds one") {
  const std::string folder = test::temporary_folder();
  test::write_text(folder + "/text.txt", some_text(5500));
  const auto model = open_model(test::golden("stories260k/stories260K-f32.gguf"));
  const CalibrationTokens tokens = tokens_of_text(*model, folder + "/text.txt");
  const auto bos = open_tokenizer(model->files())->special().bos;
  REQUIRE(bos);
  REQUIRE(tokens.chunks() >= 4);
  for (int64_t i = 0; i < tokens.chunks(); ++i) {
    CHECK(tokens.of(i).front() == *bos);
    CHECK(tokens.of(i)[1] != *bos);
  }
  CHECK(tokens.name == "text.txt");
  CHECK(tokens.sha256.size() == 64);
}

TEST_CASE("a text that is too short is told with what is needed") {
  const Set set(100);
  CHECK(test::error_of([&] {
          tokens_of_text(*set.model, set.text);
        }).starts_with(set.text + ": too short to calibrate with: got "));
}

}  // namespace nalar::quant
