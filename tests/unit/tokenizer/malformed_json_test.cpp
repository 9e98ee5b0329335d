#include <nalar/json.h>
#include <nalar/log.h>

#include "bad_input.h"
#include "support/catch.h"
#include "tokenizer/hf_tokenizer.h"

namespace nalar {
namespace {

using test::BadInput;
using test::check_bad;

constexpr const char* kPlain =
    R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3},
  "merges": ["a b"]}, "added_tokens": [{"id": 4, "content": "<s>", "special": true}]})";

std::unique_ptr<tokenizer::Pipeline> open(const std::string& json) {
  return tokenizer::hf_pipeline(json, {});
}

// The plain tokenizer with one member in another form; "model.vocab" is a path.
std::string with(const std::string& path, const std::string& value) {
  Json root = parse_json(kPlain);
  Json changed = parse_json(value, {.max_bytes = size_t{64} << 20, .max_depth = 64});
  const size_t dot = path.find('.');
  if (dot == path.npos) {
    root.set(path, std::move(changed));
  } else {
    Json inner = *root.find(path.substr(0, dot));
    inner.set(path.substr(dot + 1), std::move(changed));
    root.set(path.substr(0, dot), std::move(inner));
  }
  return to_text(root);
}

BadInput row(const std::string& path, const std::string& value, std::string message) {
  return {path + " = " + value.substr(0, 80), [json = with(path, value)] { open(json); },
          std::move(message)};
}

void encode(const std::string& json, std::string_view text) {
  const tokenizer::PipelineTokenizer t(open(json));
  t.encode(text, {});
}

}  // namespace

TEST_CASE("merges of tokenizer.json that are none (class 72)") {
  for (const BadInput& m : {
           row("model.merges", R"(["abcdefghij b"])",
               "bad merge 0: \"abcdefghij\" and \"b\" begin with no token (key model.merges)"),
           row("model.merges", R"(["a b", "b zz"])", "bad merge 1"),
           row("model.merges", R"(["b a"])", "bad merge 0: \"b\" and \"a\" join to no token"),
           row("model.merges", R"(["ab"])", "bad merge 0"),
           row("model.merges", R"(["a b c"])", "bad merge 0"),
           row("model.merges", R"([["a", "b", "c"]])", "bad merge 0"),
           row("model.merges", R"([["a", 1]])", "bad merge 0"),
           row("model.merges", R"([7])", "bad merge 0"),
           row("model.merges", R"("a b")", "(key model.merges)"),
       }) {
    check_bad(m);
  }
}

TEST_CASE("patterns that take exponential time end (class 73)") {
  for (const std::string pattern : {"(a+)+$", "(.*)*$", "(a|aa)+!", "(x+x+)+y", "(?=(a+)+b)"}) {
    const std::string text = std::string(64 << 10, 'a') + "\u00e9";
    const std::string step =
        R"({"type": "Split", "pattern": {"Regex": ")" + pattern + R"("}, "behavior": "Isolated"})";
    INFO(pattern);
    try {
      encode(with("pre_tokenizer", step), text);
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::bad_data);
      CHECK(std::string(e.what()).find("gave up") != std::string::npos);
      CHECK(std::string(e.what()).find(pattern) != std::string::npos);
    }
  }
}

TEST_CASE("components of tokenizer.json that are not known or not valid (class 74)") {
  const auto regex = [](const std::string& pattern) {
    return R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "pattern": {"Regex": ")" +
           pattern + R"("}}]})";
  };
  const std::string place = "(key pre_tokenizer.pretokenizers[0].pattern)";
  for (
      const BadInput& m : {
          row("pre_tokenizer", regex("("), place),
          row("pre_tokenizer", regex("[a"), place),
          row("pre_tokenizer", regex("a{2,1}"), place),
          row("pre_tokenizer", regex("(*UTF)a"), place),
          row("pre_tokenizer", regex("(?R)"), place),
          row("pre_tokenizer", regex("[a&&b]"), place),
          row("pre_tokenizer", regex("\\\\p{NoSuch}"), place),
          row("pre_tokenizer", regex("\\\\C"), place),
          row("pre_tokenizer", regex("a\\\\"), place),
          row("pre_tokenizer",
              regex("((((((((((a{1,900}){1,900}){1,900}){1,900}){1,900}){1,900}){1,900}){1,900}){1,"
                    "900}){1,900})"),
              place),
          row("pre_tokenizer", R"({"type": "UnicodeScripts"})",
              "unknown pre-tokenizer \"UnicodeScripts\" (key pre_tokenizer.type)"),
          row("pre_tokenizer", R"({"type": "Metaspace", "prepend_scheme": "maybe"})",
              "(key pre_tokenizer.prepend_scheme)"),
          row("pre_tokenizer", R"({"type": "Punctuation", "behavior": "Melted"})",
              "(key pre_tokenizer.behavior)"),
          row("pre_tokenizer", R"({})", "missing key pre_tokenizer.type"),
          row("pre_tokenizer", R"([])",
              "wrong type: got array, need an object (key pre_tokenizer)"),
          row("normalizer",
              R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "X\u001b"}]})",
              "unknown normalizer \"X\\x1b\" (key normalizer.normalizers[1].type)"),
          row("normalizer", R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})",
              "(key normalizer.pattern)"),
          row("decoder", R"({"type": "CTC"})", "unknown decoder \"CTC\" (key decoder.type)"),
          row("decoder", R"({"type": "Strip", "content": " ", "start": -1, "stop": 0})",
              "(key decoder.start)"),
          row("post_processor", R"({"type": "Magic"})",
              "unknown post-processor \"Magic\" (key post_processor.type)"),
          row("post_processor",
              R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<q>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {}})",
              "special token \"<q>\" is not described (key "
              "post_processor.single[0].SpecialToken.id)"),
          row("post_processor",
              R"({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<s>"}}], "special_tokens": {"<s>": {"ids": [99]}}})",
              "token id out of range: got 99, need 0..4"),
          row("model.type", R"("WordPiece")", "unknown model \"WordPiece\""),
          row("model.dropout", "0.1", "dropout makes encoding random"),
          row("model", "null", "missing key model"),
      }) {
    check_bad(m);
  }
  std::string deep = R"({"type": "NFC"})";
  for (int i = 0; i < 100'000; ++i)
    deep = R"({"type":"Sequence","normalizers":[)" + std::move(deep) + "]}";
  const std::string json =
      R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": )" + deep + "}";
  check_bad({"10^5 nested", [&] { open(json); }, "deep"});
}

TEST_CASE("ids of tokenizer.json (class 75)") {
  for (const BadInput& m : {
           row("model.vocab", R"({"a": 0, "b": 0, "ab": 2})",
               "duplicate token id 0: \"b\" (key model.vocab)"),
           row("model.vocab", R"({"a": -1, "b": 1, "ab": 2})",
               "token id out of range: \"a\" has -1"),
           row("model.vocab", R"({"a": 2147483648, "b": 1, "ab": 2})", "token id out of range"),
           row("model.vocab", R"({"a": 18446744073709551615, "b": 1, "ab": 2})", "model.vocab"),
           row("model.vocab", R"({"a": 0.5, "b": 1, "ab": 2})", "must be an integer"),
           row("model.vocab", R"({"a": "0", "b": 1, "ab": 2})", "must be an integer"),
           row("model.vocab", R"([["a", 0]])", "(key model.vocab)"),
           row("added_tokens", R"([{"id": 4, "content": "x"}, {"id": 4, "content": "y"}])",
               "duplicate token id 4: \"y\""),
           row("added_tokens", R"([{"id": 0, "content": "x"}])", "duplicate token id 0"),
           row("added_tokens", R"([{"id": 4, "content": "a"}])",
               "duplicate token \"a\": ids 0 and 4"),
           row("added_tokens", R"([{"id": -4, "content": "x"}])", "token id out of range"),
           row("added_tokens", R"([{"id": 4, "content": ""}])",
               "empty added token (key added_tokens[0])"),
           row("added_tokens", R"([{"content": "x"}])", "missing key added_tokens[0].id"),
       }) {
    check_bad(m);
  }
  // A gap is a notice: many files keep ids for later.
  std::string heard;
  set_notice_sink([&](std::string_view text) { heard = text; });
  const tokenizer::PipelineTokenizer t(
      open(with("added_tokens", R"([{"id": 9, "content": "x"}])")));
  set_notice_sink({});
  CHECK(heard == "5 ids of the vocabulary have no token");
  CHECK(t.n_tokens() == 10);
  CHECK(t.kind(7) == TokenKind::unused);
}

TEST_CASE("what a model of tokenizer.json lacks (class 76)") {
  for (const BadInput& m : {
           row("model.unk_token", R"("<missing>")",
               "token \"<missing>\" is missing (key model.unk_token)"),
           row("model.byte_fallback", "true",
               "token \"<0x00>\" is missing (key model.byte_fallback)"),
           row("normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "a*b="})",
               "bad base64 (at byte 1) (key normalizer.precompiled_charsmap)"),
           row("normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "AQID"})",
               "bad charsmap: truncated"),
           row("normalizer",
               R"({"type": "Precompiled", "precompiled_charsmap": "/////wAAAAAAAAA="})",
               "bad charsmap: trie of 4294967295 bytes"),
           row("model", R"({"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1})",
               "token id out of range: got 1, need 0..0 (key model.unk_id)"),
           row("model", R"({"type": "Unigram", "vocab": [["a"]]})",
               "need a piece and its score (key model.vocab[0])"),
       }) {
    check_bad(m);
  }
  check_bad({"no unknown token",
             [] { encode(with("model", R"({"type": "Unigram", "vocab": [["a", 0]]})"), "b"); },
             "the vocabulary has no unknown token for \"b\""});
}

}  // namespace nalar
