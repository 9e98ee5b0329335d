#include <pthread.h>

#include <functional>
#include <thread>

#include "gguf_keys.h"
#include "support/catch.h"
#include "support/material.h"
#include "support/spm_builder.h"
#include "tokenizer/hf_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"

// Texts that are one long word (class 77): every model ends, with a small stack. The bound on time
// is the test's TIMEOUT.
namespace nalar {
namespace {

void* call(void* work) {
  (*static_cast<std::function<void()>*>(work))();
  return nullptr;
}

// Runs `work` in a thread of 256 KiB of stack.
void with_small_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, call, &work) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

std::string long_word(size_t size) {
  std::string word;
  uint32_t state = 1;
  for (size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    word.push_back("ab^"[state >> 30 == 3 ? 0 : state >> 30]);
  }
  return word;
}

void check_round_trips(const Tokenizer& t, size_t size) {
  for (const std::string& text :
       {std::string(size, '^'), std::string(size, ' '), std::string(size, 'a'), long_word(size)}) {
    std::vector<TokenId> ids;
    with_small_stack([&] { ids = t.encode(text, {}); });
    CHECK(t.decode(ids) == text);
    CHECK(ids.size() <= text.size() + 1);
  }
}

}  // namespace

TEST_CASE("byte-level BPE of one long word") {
  const auto keys = test::byte_level_keys(
      {"a a", "aa aa", "\u0120 \u0120", "\u0120\u0120 \u0120\u0120", "^ ^", "a b", "b ^", "ab b^"});
  const auto t = keys.tokenizer();
  check_round_trips(*t, 1 << 20);
  const std::string spaces(10'000'000, ' ');
  CHECK(t->encode(spaces, {}).size() == 2'500'000);
}

TEST_CASE("SentencePiece BPE of one long word") {
  const auto keys = test::sentencepiece_keys({{"\u2581", -1},
                                              {"a", -1},
                                              {"b", -1},
                                              {"^", -1},
                                              {"aa", -2},
                                              {"ab", -3},
                                              {"^^", -3},
                                              {"aaaa", -4},
                                              {"\u2581\u2581", -5},
                                              {"b^", -5}});
  check_round_trips(*keys.tokenizer(), 1 << 20);
}

TEST_CASE("Unigram of one long word") {
  const tokenizer::PipelineTokenizer t(tokenizer::hf_pipeline(
      R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1], ["b", -1], ["^", -1], [" ", -1], ["aa", -1.5], ["ab", -1.5]]},
          "decoder": {"type": "Fuse"}})",
      {}));
  check_round_trips(t, 1 << 20);
}

TEST_CASE("the sentencepiece library, of one long word") {
  for (const int kind : {test::kBpe, test::kUnigram}) {
    const std::string normalizer = test::number_field(4, 0);  // spaces stay
    const std::string bytes = test::spm_model(test::spm_piece("^", -1, 1), kind, normalizer);
    const tokenizer::PipelineTokenizer t(tokenizer::sentencepiece_pipeline(bytes, {}));
    check_round_trips(t, 1 << 20);
  }
}

TEST_CASE("regular expressions of one long word") {
  for (const char* pre :
       {"llama-bpe", "qwen2", "tekken", "gpt-4o", "deepseek-v3", "smollm", "bailingmoe"}) {
    const auto keys = test::byte_level_keys({"a a", "^ ^"}, pre);
    CAPTURE(pre);
    check_round_trips(*keys.tokenizer(), 1 << 20);
  }
}

}  // namespace nalar
