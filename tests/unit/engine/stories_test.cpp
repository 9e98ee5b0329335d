#include <algorithm>

#include "engine_support.h"
#include "io/gguf_metadata.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar::engine::test {
namespace {

// The text of SentencePiece pieces: U+2581 is a space, <0x0A> a byte.
std::string text_of(std::string_view piece) {
  if (piece.size() == 6 && piece.substr(0, 3) == "<0x") {
    return std::string(1,
                       static_cast<char>(std::stoi(std::string(piece.substr(3, 2)), nullptr, 16)));
  }
  std::string text(piece);
  for (size_t at; (at = text.find("\xe2\x96\x81")) != std::string::npos;) text.replace(at, 3, " ");
  return text;
}

}  // namespace

TEST_CASE("stories260K tells its documented story greedily") {
  const auto model = open_model(nalar::test::golden("stories260k/stories260K-f32.gguf"));
  const auto pieces = model->files().gguf()->find("tokenizer.ggml.tokens")->strings();
  REQUIRE(pieces);
  std::string want = nalar::test::read_text(nalar::test::golden("stories260k/greedy.txt"));
  while (!want.empty() && want.back() == '\n') want.pop_back();
  for (const Compute compute : {Compute::fp32, Compute::automatic}) {
    const auto engine = engine_of(model, {2, compute, 512, kernels::chosen_isa()});
    const SequenceId sequence = engine->create();
    std::string text;
    TokenId next = 1;  // the beginning of a text
    while (text.size() < want.size() + 1 && engine->length(sequence) < engine->n_ctx()) {
      const Logits logits = forward(*engine, sequence, {next});
      next = static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
      text += text_of((*pieces)[static_cast<size_t>(next)]);
    }
    REQUIRE(text.substr(1, want.size()) == want);  // the first piece starts with a space
  }
}

}  // namespace nalar::engine::test
