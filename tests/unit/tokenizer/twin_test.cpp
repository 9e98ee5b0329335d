#include <nalar/json.h>

#include <map>

#include "gguf_keys.h"
#include "support/catch.h"
#include "support/material.h"
#include "support/spm_builder.h"
#include "tokenizer/bpe.h"
#include "tokenizer/hf_tokenizer.h"
#include "tokenizer/spm_words.h"

// Every fast path against a slow one.
namespace nalar {
namespace {

class Random {
 public:
  uint32_t below(uint32_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33) % n;
  }
  std::string text(size_t size, const std::vector<std::string>& parts) {
    std::string out;
    while (out.size() < size) out += parts[below(static_cast<uint32_t>(parts.size()))];
    return out;
  }

 private:
  uint64_t state_ = 1;
};

// Merging as the definition has it: look at all pairs, join the first of the best, again.
using PairRank =
    std::function<double(const std::string&, const std::string&)>;  // lower first; < 0: none
std::vector<std::string> merge_slowly(std::vector<std::string> symbols, const PairRank& rank) {
  while (true) {
    size_t best = symbols.size();
    double best_rank = -1;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const double r = rank(symbols[i], symbols[i + 1]);
      if (r >= 0 && (best == symbols.size() || r < best_rank)) best = i, best_rank = r;
    }
    if (best == symbols.size()) return symbols;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::vector<std::string> characters(const std::string& text) {
  std::vector<std::string> out;
  for (const char c : text) out.emplace_back(1, c);
  return out;
}

std::vector<std::string> pieces_of(const Tokenizer& t, const std::vector<TokenId>& ids) {
  std::vector<std::string> out;
  for (const TokenId id : ids) out.emplace_back(t.piece(id));
  return out;
}

}  // namespace

TEST_CASE("byte-level merging, with and without the queue, is merging by definition") {
  const std::vector<std::string> merges{"a b",   "b a", "ab a",   "a a",  "aa b",
                                        "ab ab", "b b", "aab ab", "bb a", "abab a"};
  std::map<std::pair<std::string, std::string>, double> ranks;
  for (size_t i = 0; i < merges.size(); ++i) {
    const size_t space = merges[i].find(' ');
    ranks[{merges[i].substr(0, space), merges[i].substr(space + 1)}] = static_cast<double>(i);
  }
  const auto keys = test::byte_level_keys(merges);
  const auto t = keys.tokenizer();
  Random random;
  for (size_t size = 1; size < 160; ++size) {
    const std::string text = random.text(size, {"a", "b"});
    const auto slow =
        merge_slowly(characters(text), [&](const std::string& l, const std::string& r) {
          const auto found = ranks.find({l, r});
          return found == ranks.end() ? -1 : found->second;
        });
    CAPTURE(text);
    CHECK(pieces_of(*t, t->encode(text, {})) == slow);
  }
}

TEST_CASE("merging by score is merging by definition, equal scores included") {
  const std::map<std::string, float> scores{{"a", 0},   {"b", 0},     {"ab", -2},
                                            {"ba", -2}, {"aa", -3},   {"aba", -1},
                                            {"bb", -2}, {"abab", -5}, {"aab", -4}};
  auto keys = test::sentencepiece_keys({scores.begin(), scores.end()});
  keys.set("tokenizer.ggml.add_space_prefix", false);
  const auto t = keys.tokenizer();
  Random random;
  for (size_t size = 1; size < 160; ++size) {
    const std::string text = random.text(size, {"a", "b"});
    const auto slow =
        merge_slowly(characters(text), [&](const std::string& l, const std::string& r) {
          const auto found = scores.find(l + r);
          return found == scores.end() ? -1.0 : -static_cast<double>(found->second);
        });
    CAPTURE(text);
    CHECK(pieces_of(*t, t->encode(text, {})) == slow);
  }
}

TEST_CASE("cutting before a \u2581 changes no id") {
  const std::string mark = "\u2581";
  const auto keys = test::sentencepiece_keys({{mark, -1},
                                              {"a", -2},
                                              {"b", -2},
                                              {"ab", -3},
                                              {mark + "a", -4},
                                              {mark + mark, -5},
                                              {"b" + mark, -3.5f},
                                              {mark + "ab", -6},
                                              {mark + mark + mark, -7}});
  auto whole = tokenizer::gguf_pipeline(keys.metadata());
  whole->pre_tokenizer.clear();
  const tokenizer::PipelineTokenizer slow(std::move(whole));
  const auto fast = keys.tokenizer();
  Random random;
  for (int i = 0; i < 300; ++i) {
    const std::string text =
        random.text(1 + random.below(80), {"a", "b", " ", "  ", mark, "c", "\n", "\u00e9"});
    CAPTURE(text);
    CHECK(fast->encode(text, {}) == slow.encode(text, {}));
  }
}

TEST_CASE("a long text, whose words are remembered, is its words one by one") {
  const auto keys = test::byte_level_keys({"a b", "\u0120 a", "\u0120a b", "b b", "a a"});
  const auto t = keys.tokenizer();
  Random random;
  std::string text;
  std::vector<TokenId> one_by_one;
  for (int i = 0; i < 4000; ++i) {
    const std::string word = " " + random.text(1 + random.below(6), {"a", "b", "\u00e9"});
    const auto ids = t->encode(word, {});
    one_by_one.insert(one_by_one.end(), ids.begin(), ids.end());
    text += word;
  }
  CHECK(t->encode(text, {}) == one_by_one);
}

TEST_CASE("a name in tokenizer.ggml.pre is the pre-tokenizer of the tokenizer.json it stands for") {
  for (const auto& [golden, pre] : std::map<std::string, std::string>{{"cl100k", "llama-bpe"},
                                                                      {"o200k", "gpt-4o"},
                                                                      {"qwen2", "qwen2"},
                                                                      {"smollm", "smollm"},
                                                                      {"deepseek3", "deepseek-v3"},
                                                                      {"byte_level", "gpt-2"}}) {
    CAPTURE(pre);
    const Json json = parse_json(test::read_text(test::golden("tokenizers/" + golden + ".json")));
    const Json& model = *json.find("tokenizer")->find("model");
    std::vector<std::string> tokens(model.find("vocab")->as_object().size()), merges;
    for (const auto& [piece, id] : model.find("vocab")->as_object())
      tokens[static_cast<size_t>(id.as_int64())] = piece;
    for (const Json& merge : model.find("merges")->as_array()) {
      merges.push_back(merge.is_string() ? merge.as_string()
                                         : merge.as_array()[0].as_string() + " " +
                                               merge.as_array()[1].as_string());
    }
    test::GgufKeys keys;
    keys.set("tokenizer.ggml.model", "gpt2");
    keys.set("tokenizer.ggml.pre", pre.c_str());
    keys.set_strings("tokenizer.ggml.tokens", tokens);
    keys.set_strings("tokenizer.ggml.merges", merges);
    const auto t = keys.tokenizer();
    for (const Json& c : json.find("cases")->as_array()) {
      const std::string& text = c.find("text")->as_string();
      if (text.find('<') != text.npos) continue;  // the golden has added tokens
      CAPTURE(text);
      std::vector<TokenId> ids;
      for (const Json& id : c.find("ids")->as_array())
        ids.push_back(static_cast<TokenId>(id.as_int64()));
      CHECK(t->encode(text, {}) == ids);
    }
  }
}

TEST_CASE("runs of unknown characters lose their middle, and nothing else") {
  const std::string bytes = test::spm_model();
  const tokenizer::UnknownRuns runs(tokenizer::parse_spm(bytes));
  std::string unknown;
  for (int i = 0; i < 3000; ++i) unknown += "\u4e2d";
  CHECK(runs.shortened("ab a\u4e2d\u4e2db\xff") == "ab a\u4e2d\u4e2db\xff");
  const std::string shorter = runs.shortened("a" + unknown + "b" + unknown);
  CHECK(shorter.size() < 1000);
  CHECK(shorter.starts_with("a\u4e2d"));
  CHECK(shorter.find("\u4e2d"
                     "b"
                     "\u4e2d") != shorter.npos);
  CHECK(shorter.ends_with("\u4e2d"));
}

}  // namespace nalar
