#include <limits>

#include "bad_input.h"
#include "gguf_keys.h"
#include "support/catch.h"

namespace nalar {
namespace {

using test::BadInput;
using test::check_bad;
using test::GgufKeys;

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kMerges = "tokenizer.ggml.merges";

GgufKeys byte_level() { return test::byte_level_keys({"a b", "ab c"}); }
GgufKeys sentencepiece() { return test::sentencepiece_keys({{"\u2581", -1}, {"a", -2}}); }

// The keys after a change, opened.
BadInput row(std::string name, GgufKeys keys, const std::function<void(GgufKeys&)>& change,
             std::string message) {
  change(keys);
  return {std::move(name), [keys] { keys.tokenizer(); }, std::move(message)};
}

}  // namespace

TEST_CASE("vocabularies of GGUF files whose parts do not fit (class 36)") {
  for (const BadInput& m : {
           row(
               "no model", byte_level(), [](auto& k) { k.erase("tokenizer.ggml.model"); },
               "tokenizer.ggml.model"),
           row(
               "unknown model", byte_level(),
               [](auto& k) { k.set("tokenizer.ggml.model", "ge\x1bmma4"); }, "ge\\x1bmma4"),
           row(
               "t5", byte_level(), [](auto& k) { k.set("tokenizer.ggml.model", "t5"); },
               "unknown tokenizer (key tokenizer.ggml.model): got \"t5\""),
           row(
               "unknown pre", byte_level(), [](auto& k) { k.set("tokenizer.ggml.pre", "no-such"); },
               "unknown pre-tokenizer (key tokenizer.ggml.pre): got \"no-such\""),
           row(
               "pre of another type", byte_level(),
               [](auto& k) { k.set("tokenizer.ggml.pre", uint32_t{1}); }, "tokenizer.ggml.pre"),
           row(
               "no tokens", byte_level(), [](auto& k) { k.erase(kTokens); },
               "missing key tokenizer.ggml.tokens"),
           row(
               "empty tokens", byte_level(), [](auto& k) { k.set_strings(kTokens, {}); },
               "tokenizer.ggml.tokens is empty"),
           row(
               "tokens are numbers", byte_level(), [](auto& k) { k.set_floats(kTokens, {1}); },
               "wrong type of key tokenizer.ggml.tokens"),
           row(
               "types too short", byte_level(),
               [](auto& k) {
                 k.set_integers(kTypes, {1, 1});
               },
               "vocabulary size mismatch: key tokenizer.ggml.token_type has 2 elements"),
           row(
               "types too long", byte_level(),
               [](auto& k) { k.set_integers(kTypes, std::vector<int32_t>(1000, 1)); },
               "vocabulary size mismatch"),
           row(
               "types are floats", byte_level(),
               [](auto& k) { k.set_floats(kTypes, std::vector<float>(261, 1)); },
               "wrong type of key tokenizer.ggml.token_type"),
           row(
               "unknown type", byte_level(),
               [](auto& k) { k.set_integers(kTypes, std::vector<int32_t>(261, 7)); },
               "unknown token type 7 of token 0"),
           row(
               "scores too short", sentencepiece(), [](auto& k) { k.set_floats(kScores, {0}); },
               "vocabulary size mismatch: key tokenizer.ggml.scores has 1 elements"),
           row(
               "no scores", sentencepiece(), [](auto& k) { k.erase(kScores); },
               "missing key tokenizer.ggml.scores"),
           row(
               "score NaN", sentencepiece(),
               [](auto& k) {
                 k.set_floats(kScores,
                              std::vector<float>(261, std::numeric_limits<float>::quiet_NaN()));
               },
               "score of token 0 must be finite"),
           row(
               "score infinite", sentencepiece(),
               [](auto& k) {
                 k.set_floats(kScores,
                              std::vector<float>(261, std::numeric_limits<float>::infinity()));
               },
               "score of token 0 must be finite"),
           row(
               "duplicate token", byte_level(),
               [](auto& k) { k.set_strings(kTokens, std::vector<std::string>(261, "x")); },
               "duplicate token \"x\": ids 0 and 1"),
       }) {
    check_bad(m);
  }
}

TEST_CASE("byte tokens of GGUF files that stand for no byte (class 37)") {
  for (const std::string piece : {"<0x-1>", "<0xZZ>", "<0x100>", "<0x1>", "0x41", "<0x 1>", ""}) {
    auto keys = test::sentencepiece_keys({{piece, 0}, {"a", 0}});
    std::vector<int32_t> types(261, 6);
    types[0] = 2, types[1] = types[2] = 3, types[260] = 1;
    keys.set_integers(kTypes, types);
    check_bad({piece, [keys] { keys.tokenizer(); }, "invalid byte token at id 259"});
  }
}

TEST_CASE("special ids of GGUF files out of range (class 38)") {
  for (const char* name : {"bos", "eos", "padding", "unknown", "eot", "eom"}) {
    const std::string key = std::string("tokenizer.ggml.") + name + "_token_id";
    const std::string message = "special id out of range: key " + key;
    check_bad(row(
        "size", byte_level(), [&](auto& k) { k.set(key, uint32_t{261}); }, message));
    check_bad(row(
        "2^31", byte_level(), [&](auto& k) { k.set(key, uint32_t{1} << 31); }, message));
    check_bad(row(
        "-1", byte_level(), [&](auto& k) { k.set(key, int32_t{-1}); }, message));
    check_bad(row(
        "text", byte_level(), [&](auto& k) { k.set(key, "1"); }, key));
  }
  check_bad(row(
      "a BOS that is not there", byte_level(),
      [](auto& k) {
        k.erase("tokenizer.ggml.bos_token_id");
        k.set("tokenizer.ggml.add_bos_token", true);
      },
      "key tokenizer.ggml.add_bos_token is true"));
}

TEST_CASE("merges of GGUF files that are none (class 39)") {
  for (const std::string merge :
       {"ab", "", " ", "a ", " b", "a b c", "a zz", "zz a", "a a", "a\x01 b"}) {
    check_bad(row(
        merge, byte_level(),
        [&](auto& k) {
          k.set_strings(kMerges, {"a b", merge});
        },
        "bad merge 1 (key tokenizer.ggml.merges)"));
  }
  check_bad(row(
      "no merges", byte_level(), [](auto& k) { k.erase(kMerges); },
      "missing key tokenizer.ggml.merges"));
}

TEST_CASE("charsmaps of GGUF files (class 40)") {
  const std::string key = "tokenizer.ggml.precompiled_charsmap";
  for (const std::string& bytes : {std::string("\1"), std::string("\1\2\3"),
                                   std::string("\xff\xff\xff\x7f abc"), std::string(4, '\0')}) {
    check_bad(row(
        "charsmap", sentencepiece(), [&](auto& k) { k.set_bytes(key, bytes); }, "bad charsmap"));
  }
}

}  // namespace nalar
