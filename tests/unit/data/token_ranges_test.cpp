// Where tokens lie in their text: with tokenizers of every kind, real ones where the material is
// there.
#include "data/token_ranges.h"

#include <nalar/error.h>
#include <nalar/model_files.h>

#include "data/encode_row.h"
#include "support/byte_tokenizer.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar::data {
namespace {

std::vector<uint8_t> learned(std::vector<TextRange> tokens, std::vector<TextRange> ranges) {
  return learned_tokens(tokens, ranges);
}

TEST_CASE("a token with any byte to learn is learned") {
  using Flags = std::vector<uint8_t>;
  CHECK(learned({{0, 2}, {2, 5}, {5, 6}}, {{2, 5}}) == Flags{0, 1, 0});
  CHECK(learned({{0, 2}, {2, 5}, {5, 6}}, {{1, 3}}) == Flags{1, 1, 0});
  CHECK(learned({{0, 2}, {2, 5}, {5, 6}}, {{4, 5}, {5, 6}}) == Flags{0, 1, 1});
  CHECK(learned({{0, 0}, {0, 2}, {2, 2}, {2, 3}}, {{2, 3}}) == Flags{0, 0, 1, 1});
  CHECK(learned({{0, 2}}, {}) == Flags{0});
}

// The text in the bytes of the learned tokens of "prompt" + "completion".
std::string completion_of(const Tokenizer& tokenizer, const std::string& prompt,
                          const std::string& completion) {
  const Example example = encode_text({prompt, completion}, {tokenizer});
  std::string text;
  for (size_t i = 0; i < example.ids.size(); ++i) {
    if (example.learned[i] != 0 && example.ids[i] != tokenizer.special().eos) {
      text += tokenizer.token_bytes(example.ids[i]);
    }
  }
  return text;
}

void check_tokenizer(const std::string& path) {
  INFO(path);
  const auto files = ModelFiles::open(path);
  const auto tokenizer = open_tokenizer(*files);
  CHECK(completion_of(*tokenizer, "Once upon", " a time") == " a time");
  CHECK(completion_of(*tokenizer, "Is it good?\n", "yes") == "yes");
  CHECK(completion_of(*tokenizer, "  two  spaces\n\n", "çà ☕ 漢字 🙂") ==
        "çà ☕ 漢字 🙂");
  for (const std::string text : {"Halo! Jalan Cengkih 14.", " a", "\n", "x\r\n\ty", "é"}) {
    INFO(text);
    const auto ids = tokenizer->encode(
        text, {.add_special = true, .parse_special = false, .special_ranges = {}});
    const auto ranges = token_ranges(text, ids, *tokenizer);
    REQUIRE(ranges);
    size_t at = 0;
    for (const TextRange& range : *ranges) {
      CHECK((range.begin >= at && range.end >= range.begin));
      at = range.end;
    }
    CHECK(at == text.size());
  }
}

TEST_CASE("SentencePiece with bytes and a space in front") {
  check_tokenizer(test::golden("stories260k/stories260K-f32.gguf"));
}

TEST_CASE("tokenizers of real models") {
  for (const char* name : {"tokenizers/gpt2", "tokenizers/llama2", "tokenizers/phi-3",
                           "tokenizers/ggml-vocab/ggml-vocab-gpt-2.gguf",
                           "tokenizers/ggml-vocab/ggml-vocab-llama-spm.gguf"}) {
    if (const auto path = test::material(name)) check_tokenizer(*path);
  }
}

TEST_CASE("white space that control tokens swallow") {
  const auto path = test::material("tokenizers/phi-3");
  if (!path) return;
  const auto files = ModelFiles::open(*path);
  const auto tokenizer = open_tokenizer(*files);
  const auto chat = open_chat_template(*files, *tokenizer);
  REQUIRE(chat);
  Json::Array messages;
  for (const auto& [role, text] : {std::pair("user", "Where?"),
                                   {"assistant", "Here, there."},
                                   {"user", "When?"},
                                   {"assistant", "Now."}}) {
    messages.push_back(Json::Object{{"role", role}, {"content", text}});
  }
  const Example example = encode_chat(read_messages(messages, nullptr), {*tokenizer, &*chat});
  std::string text;
  for (size_t i = 0; i < example.ids.size(); ++i) {
    text += example.learned[i] != 0 ? tokenizer->piece(example.ids[i]) : "|";
  }
  INFO(text);
  CHECK(text.find("|Here,\xE2\x96\x81there.<|end|>|") != std::string::npos);
  CHECK(text.find("|Now.<|end|>|") != std::string::npos);
  CHECK(text.find("here?") == std::string::npos);
}

// Bytes, but that an accent is joined to its letter before.
class ComposingTokenizer : public test::ByteTokenizer {
 public:
  ComposingTokenizer() : ByteTokenizer({"</s>", "<|im_end|>"}) {}
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
    std::string composed(text);
    const size_t at = composed.find("e\xCC\x81");
    if (at != std::string::npos) composed.replace(at, 3, "\xC3\xA9");
    EncodeOptions whole = options;
    whole.special_ranges.reset();
    return ByteTokenizer::encode(composed, whole);
  }
};

TEST_CASE("a text that the tokenizer changes is found as it sees it") {
  const ComposingTokenizer tokenizer;
  CHECK(completion_of(tokenizer, "caf", "e\xCC\x81!") == "\xC3\xA9!");
  CHECK(completion_of(tokenizer, "cafe\xCC\x81", "!") == "!");
  const ChatTemplate chat("{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}",
                          Json::Object{});
  Json::Array messages{Json::Object{{"role", "user"}, {"content", "cafe\xCC\x81"}},
                       Json::Object{{"role", "assistant"}, {"content", "A"}}};
  const Example example = encode_chat(read_messages(messages, nullptr), {tokenizer, &chat});
  CHECK(example.n_learned() == 2);
  CHECK(example.learned[example.ids.size() - 2] == 1);
  // Where the accent would go to the other side of the border, there is none.
  CHECK_THROWS_AS(completion_of(tokenizer, "cafe", "\xCC\x81!"), Error);
}

}  // namespace
}  // namespace nalar::data
