// The data sets that come with the project, and what real models make of them.
#include "base/digest.h"
#include "data_set.h"
#include "support/catch.h"

namespace nalar {
namespace {

std::string own(const std::string& name) { return test::golden("../../datasets/" + name); }

TEST_CASE("the data sets of the project are whole and told in their README") {
  const std::string readme = test::read_text(own("README.md"));
  for (const char* name : {"tiny_chat.jsonl", "tiny_alpaca.json", "tiny_text.txt"}) {
    INFO(name);
    CHECK(readme.find(base::sha256_hex(test::read_text(own(name)))) != std::string::npos);
    DatasetOptions options;
    options.paths = {own(name)};
    const auto data = open_dataset(options, test::byte_tokenizer(), &test::chatml());
    CHECK(data->report().duplicates == 0);
    CHECK(data->report().without_learned == 0);
    CHECK(data->report().truncated == 0);
  }
}

// The text of an example's learned tokens.
std::string learned_text(const data::Example& example, const Tokenizer& tokenizer) {
  std::string text;
  for (const PreviewPiece& piece : preview(example, tokenizer)) {
    if (piece.learned) text += piece.text;
  }
  return text;
}

TEST_CASE("what SmolLM2 learns of a chat is the answer and its end") {
  const auto path = test::real_model("smollm2-135m-instruct-q4_1.gguf");
  if (!path) return;
  const auto files = ModelFiles::open(*path);
  const auto tokenizer = open_tokenizer(*files);
  const auto chat = open_chat_template(*files, *tokenizer);
  REQUIRE(chat);
  DatasetOptions options;
  options.paths = {own("tiny_chat.jsonl")};
  const auto data = open_dataset(options, *tokenizer, &*chat);
  CHECK(data->report().longest < 256);
  for (const data::Example& example : data->examples()) {
    const std::string text = learned_text(example, *tokenizer);
    CHECK(text.starts_with("Halo!"));
    CHECK(text.ends_with("<|im_end|>"));
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find("<|im_start|>") == std::string::npos);
  }
}

}  // namespace
}  // namespace nalar
