#include "convert/tokenizer_json.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <unordered_map>
#include <unordered_set>

#include "base/utf8.h"
#include "tokenizer/gguf_pre.h"
#include "tokenizer/json_at.h"

namespace nalar::convert {
namespace {

using tokenizer::JsonAt;

constexpr JsonLimits kLimits{.max_bytes = size_t{256} << 20, .max_depth = 64};
constexpr float kNoScore = -1000;  // of a piece that no merge makes

[[noreturn]] void fail(std::string_view what) {
  throw Error(ErrorKind::bad_data, fmt::format("{} cannot be said in GGUF", what));
}
[[noreturn]] void fail(const JsonAt& at, std::string_view what) {
  at.fail(fmt::format("{} cannot be said in GGUF", what));
}

bool is_nfc(const JsonAt& json) {
  if (json.type() == "NFC") return true;
  if (json.type() != "Sequence") fail(json, "normalizer " + base::escaped(json.type(), 60));
  bool nfc = false;
  for (const JsonAt& part : json.need("normalizers").items()) nfc = is_nfc(part);
  return nfc;
}

std::string split_pattern(const JsonAt& json) {
  const auto regex = json.need("pattern").find("Regex");
  if (!regex || json.need("behavior").string() != "Isolated" || json.boolean_or("invert", false)) {
    fail(json, "a split other than by a regular expression, isolated,");
  }
  return regex->string();
}

// What each step cuts by.
void add_patterns(const JsonAt& json, std::vector<std::string>& patterns) {
  const std::string& type = json.type();
  if (type == "Sequence") {
    for (const JsonAt& part : json.need("pretokenizers").items()) add_patterns(part, patterns);
  } else if (type == "Split") {
    patterns.push_back(split_pattern(json));
  } else if (type == "Digits" && json.boolean_or("individual_digits", false)) {
    patterns.emplace_back(R"(\p{N})");
  } else if (type == "ByteLevel") {
    if (json.boolean_or("add_prefix_space", true)) fail(json, "add_prefix_space");
    if (json.boolean_or("use_regex", true)) patterns.emplace_back(tokenizer::gpt2_pattern());
  } else {
    fail(json, "pre-tokenizer " + base::escaped(type, 60));
  }
}

// Where a piece of UTF-8 may be cut in two.
bool is_character_start(std::string_view piece, size_t at) {
  return (static_cast<unsigned char>(piece[at]) & 0xC0) != 0x80;
}

// SentencePiece joins any two neighbours that make a piece, so every such pair must be a merge.
void check_all_pairs(const std::unordered_map<std::string, size_t>& ranks,
                     const std::unordered_set<std::string>& pairs, const Tokenizer& tokenizer) {
  for (const auto& [piece, rank] : ranks) {
    for (size_t at = 1; at < piece.size(); ++at) {
      if (!is_character_start(piece, at)) continue;
      const std::string left = piece.substr(0, at), right = piece.substr(at);
      if (!tokenizer.find(left) || !tokenizer.find(right)) continue;
      if (pairs.count(left + " " + right)) continue;
      fail(fmt::format("the merges of \"{}\", of which \"{}\" + \"{}\" is none,",
                       base::escaped(piece, 60), base::escaped(left, 60),
                       base::escaped(right, 60)));
    }
  }
}

}  // namespace

TokenizerJson::TokenizerJson(std::string_view text) : json_(parse_json(text, kLimits)) {}

std::string_view TokenizerJson::gguf_pre() const {
  const JsonAt root(json_, "");
  bool nfc = false;
  if (const auto normalizer = root.find("normalizer")) nfc = is_nfc(*normalizer);
  std::vector<std::string> patterns;
  add_patterns(root.need("pre_tokenizer"), patterns);
  const bool ignore_merges = root.need("model").boolean_or("ignore_merges", false);
  const std::string_view name = tokenizer::gguf_pre_name(patterns, ignore_merges, nfc);
  if (!name.empty()) return name;
  fail(root.need("pre_tokenizer"), "a pre-tokenizer that no name of tokenizer.ggml.pre stands for");
}

std::vector<Merge> TokenizerJson::merges() const {
  std::vector<Merge> merges;
  for (const JsonAt& merge : JsonAt(json_, "").need("model").need("merges").items()) {
    if (merge.value().is_string()) {
      const std::string& text = merge.string();
      const size_t space = text.find(' ');
      if (space == text.npos) merge.fail("need two parts");
      merges.push_back({text.substr(0, space), text.substr(space + 1)});
    } else {
      const std::vector<JsonAt> parts = merge.items();
      if (parts.size() != 2) merge.fail("need two parts");
      merges.push_back({parts[0].string(), parts[1].string()});
    }
  }
  return merges;
}

std::vector<float> TokenizerJson::merge_scores(const Tokenizer& tokenizer) const {
  std::vector<float> scores(static_cast<size_t>(tokenizer.n_tokens()), kNoScore);
  std::unordered_map<std::string, size_t> ranks;
  std::unordered_set<std::string> pairs;
  std::string last;
  for (const Merge& merge : merges()) {
    const std::string whole = merge.left + merge.right;
    pairs.insert(merge.left + " " + merge.right);
    const auto [rank, added] = ranks.emplace(whole, ranks.size());
    if (!added && whole != last) {
      fail(
          fmt::format("merges of \"{}\" that are apart from each other", base::escaped(whole, 60)));
    }
    if (const auto id = tokenizer.find(whole)) {
      scores[static_cast<size_t>(*id)] = -static_cast<float>(rank->second);
    }
    last = whole;
  }
  check_all_pairs(ranks, pairs, tokenizer);
  return scores;
}

std::vector<std::string> TokenizerJson::token_rules() const {
  std::vector<std::string> rules;
  const auto added = JsonAt(json_, "").find("added_tokens");
  if (!added) return rules;
  for (const JsonAt& token : added->items()) {
    for (const std::string_view rule : {"lstrip", "rstrip", "single_word"}) {
      if (!token.boolean_or(rule, false)) continue;
      rules.push_back(fmt::format("{} of token \"{}\"", rule,
                                  base::escaped(token.need("content").string(), 60)));
    }
  }
  return rules;
}

}  // namespace nalar::convert
