#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

#include "gguf_keys.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

using test::byte_level_keys;
using test::sentencepiece_keys;

std::vector<std::string> pieces_of(const Tokenizer& t, const std::vector<TokenId>& ids) {
  std::vector<std::string> pieces;
  for (const TokenId id : ids) pieces.emplace_back(t.piece(id));
  return pieces;
}
std::vector<std::string> cut(const Tokenizer& t, std::string_view text,
                             const EncodeOptions& o = {}) {
  return pieces_of(t, t.encode(text, o));
}
using Pieces = std::vector<std::string>;

// Texts and ids as llama.cpp's repository has them: texts separated by a line, ids one text a line.
void check_pairs(const std::string& name) {
  const auto path = test::material("tokenizers/ggml-vocab/" + name);
  if (!path) return;
  const auto tokenizer = open_tokenizer(*ModelFiles::open(*path));
  const std::string texts = test::read_text(*path + ".inp"), ids = test::read_text(*path + ".out");
  const std::string separator = "\n__ggml_vocab_test__\n";
  size_t text_at = 0, ids_at = 0;
  int n = 0;
  while (text_at <= texts.size() && ids_at < ids.size()) {
    const size_t text_end = std::min(texts.find(separator, text_at), texts.size());
    const size_t ids_end = ids.find('\n', ids_at);
    const std::string text = texts.substr(text_at, text_end - text_at);
    std::string got;
    for (const TokenId id : tokenizer->encode(text, {})) got += " " + std::to_string(id);
    CAPTURE(name, n, text);
    const std::string want = ids.substr(ids_at, ids_end - ids_at);
    const size_t last = want.find_last_not_of(' ');
    CHECK(got == (last == want.npos ? "" : want.substr(0, last + 1)));
    CHECK(tokenizer->decode(tokenizer->encode(text, {})) == text);
    text_at = text_end + separator.size();
    ids_at = ids_end + 1;
    ++n;
  }
  CHECK(n >= 46);
}

}  // namespace

TEST_CASE("the text and id pairs of the GPT-2 and Llama 2 vocabularies") {
  check_pairs("ggml-vocab-gpt-2.gguf");
  check_pairs("ggml-vocab-llama-spm.gguf");
}

TEST_CASE("byte-level BPE merges by rank, words apart") {
  const auto keys = byte_level_keys({"a b", "b c", "ab c", "\u0120 ab"});
  const auto t = keys.tokenizer();
  CHECK(cut(*t, "abc") == Pieces{"abc"});
  CHECK(cut(*t, "bc abc") == Pieces{"bc", "\u0120", "abc"});
  CHECK(cut(*t, " abab") == Pieces{"\u0120ab", "ab"});
  CHECK(t->type() == "byte-level BPE");
  CHECK(t->decode(t->encode("any \xff\xc3 bytes\n", {})) == "any \xff\xc3 bytes\n");
}

TEST_CASE("control tokens come from text only where the caller allows it") {
  const auto keys = byte_level_keys({"a b"});
  const auto t = keys.tokenizer();
  const TokenId control = *t->find("<|im_start|>");
  const auto count = [&](const EncodeOptions& o) {
    const auto ids = t->encode("<|im_start|>ab<|im_start|>", o);
    return std::count(ids.begin(), ids.end(), control);
  };
  CHECK(count({}) == 0);
  EncodeOptions o;
  o.parse_special = true;
  CHECK(count(o) == 2);
  const std::vector<TextRange> ranges{{0, 13}, {14, 25}};
  o.special_ranges = ranges;
  CHECK(count(o) == 1);
  o.special_ranges = std::span<const TextRange>();
  CHECK(count(o) == 0);
  CHECK(cut(*t, "ab<user>") == Pieces{"ab", "<user>"});
  CHECK(t->decode(t->encode("<|im_start|>ab",
                            {.add_special = false, .parse_special = true, .special_ranges = {}})) ==
        "ab");
}

TEST_CASE("SentencePiece BPE merges by score, unknown characters become bytes") {
  const auto keys = sentencepiece_keys({{"\u2581", -1},
                                        {"a", -2},
                                        {"b", -3},
                                        {"ab", -5},
                                        {"ba", -4},
                                        {"\u2581ab", -6},
                                        {"\u2581a", -9}});
  const auto t = keys.tokenizer();
  CHECK(cut(*t, "ab") == Pieces{"\u2581ab"});
  CHECK(cut(*t, "aba") == Pieces{"\u2581a", "ba"});
  CHECK(cut(*t, "ab ab") == Pieces{"\u2581ab", "\u2581ab"});
  CHECK(cut(*t, "\u00e9") == Pieces{"\u2581", "<0xC3>", "<0xA9>"});
  CHECK(cut(*t, "a", {.add_special = true, .parse_special = false, .special_ranges = {}}) ==
        Pieces{"<s>", "\u2581a"});
  CHECK(t->adds_bos());
  CHECK_FALSE(t->adds_eos());
  for (const std::string text : {"ab ab", " ab", "a\nb", "\u00e9\u4e2d", "\xff\xfe"}) {
    CHECK(t->decode(t->encode(text, {})) == text);
  }
}

TEST_CASE("no spelling of a control or byte token can be merged from text") {
  const auto keys = sentencepiece_keys(
      {{"\u2581", -1}, {"<", -1}, {"s", -1}, {">", -1}, {"s>", -2}, {"<s", -2}, {"0x41>", -3}});
  const auto t = keys.tokenizer();
  for (const TokenId id : t->encode("<s></s><unk>", {})) {
    CHECK(t->kind(id) != TokenKind::control);
    CHECK(t->kind(id) != TokenKind::unknown);
  }
  CHECK(t->decode(t->encode("<0x41>", {})) == "<0x41>");
}

TEST_CASE("what ends a turn: eos and spellings that say so") {
  auto keys = byte_level_keys({"a b"});
  keys.set("tokenizer.ggml.eos_token_id", uint32_t{258});
  const auto t = keys.tokenizer();
  CHECK(t->special().end == std::vector<TokenId>{0, 258});
  CHECK(t->kind(258) == TokenKind::control);
}

TEST_CASE("StreamDecoder never ends in half a character") {
  const auto keys = byte_level_keys({"a b"});
  const auto t = keys.tokenizer();
  StreamDecoder stream(t);
  std::vector<std::string> parts;
  for (const TokenId id : t->encode("a\u20ac\xff\xe2", {})) parts.push_back(stream.push(id));
  CHECK(parts == Pieces{"a", "", "", "\u20ac", "\ufffd", ""});
  CHECK(stream.finish() == "\ufffd");
  CHECK(stream.finish().empty());
}

TEST_CASE("a GGUF vocabulary and its embedding have as many rows") {
  const auto path = test::real_model("smollm2-135m-instruct-q4_1.gguf");
  if (!path) return;
  const auto t = open_tokenizer(*ModelFiles::open(*path));
  CHECK(t->n_tokens() == 49152);
  CHECK(t->special().end == std::vector<TokenId>{0, 2});
  CHECK(cut(*t, "Hello, world 42!") ==
        Pieces{"Hello", ",", "\u0120world", "\u0120", "4", "2", "!"});
}

}  // namespace nalar
