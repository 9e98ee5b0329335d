#include "tokenizer/hf_model.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <cmath>

#include "base/utf8.h"
#include "tokenizer/bpe.h"
#include "tokenizer/unigram.h"
#include "tokenizer/word_boundary.h"

namespace nalar::tokenizer {
namespace {

// Older files do not say which model they hold.
std::string type_of(const JsonAt& model) {
  if (const auto type = model.find("type")) return type->string();
  if (model.find("merges")) return "BPE";
  if (model.find("unk_id") && model.need("vocab").value().is_array()) return "Unigram";
  model.fail("missing key \"type\"");
}

TokenKind kind_of(std::string_view piece, bool has_bytes) {
  return has_bytes && byte_of_piece(piece) >= 0 ? TokenKind::byte : TokenKind::normal;
}

[[noreturn]] void bad_merge(const JsonAt& merges, size_t i, std::string_view left,
                            std::string_view right, std::string_view why) {
  merges.fail(fmt::format("bad merge {}: \"{}\" and \"{}\" {}", i, base::escaped(left, 40),
                          base::escaped(right, 40), why));
}

// A merge is "left right", or a pair of strings.
std::pair<std::string_view, std::string_view> merge_parts(const JsonAt& merges, size_t i,
                                                          const Json& merge) {
  if (merge.is_string()) {
    const std::string_view text = merge.as_string();
    const size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) {
      bad_merge(merges, i, text, "", "are not two parts");
    }
    return {text.substr(0, space), text.substr(space + 1)};
  }
  if (!merge.is_array() || merge.as_array().size() != 2 || !merge.as_array()[0].is_string() ||
      !merge.as_array()[1].is_string()) {
    merges.fail(fmt::format("bad merge {}: need a string or two strings", i));
  }
  return {merge.as_array()[0].as_string(), merge.as_array()[1].as_string()};
}

MergeTable read_merges(const JsonAt& model, const Vocab& vocab,
                       std::string_view continuing_prefix) {
  const JsonAt merges = model.need("merges");
  if (!merges.value().is_array()) merges.fail("wrong type: need an array");
  const Json::Array& items = merges.value().as_array();
  MergeTable table(items.size());
  std::string whole;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto [left, right] = merge_parts(merges, i, items[i]);
    const TokenId left_id = vocab.find(left), right_id = vocab.find(right);
    if (left_id == kNoToken) bad_merge(merges, i, left, right, "begin with no token");
    if (right_id == kNoToken) bad_merge(merges, i, left, right, "end in no token");
    if (right.size() < continuing_prefix.size())
      bad_merge(merges, i, left, right, "lack the prefix");
    whole.assign(left).append(right.substr(continuing_prefix.size()));
    const TokenId merged = vocab.find(whole);
    if (merged == kNoToken) bad_merge(merges, i, left, right, "join to no token");
    table.add(left_id, right_id, merged);
  }
  return table;
}

void need_all_bytes(const JsonAt& model, const Vocab& vocab) {
  const auto ids = fallback_ids(vocab);
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    if (ids[byte] == kNoToken)
      model.need("byte_fallback").fail(fmt::format("token \"<0x{:02X}>\" is missing", byte));
  }
}

HfModel bpe(const JsonAt& model, const Vocab& vocab, bool raw_bytes) {
  if (const auto dropout = model.find("dropout"); dropout && dropout->number() > 0) {
    dropout->fail("dropout makes encoding random: unsupported");
  }
  BpeOptions options;
  options.raw_bytes = raw_bytes;
  options.ignore_merges = model.boolean_or("ignore_merges", false);
  options.byte_fallback = model.boolean_or("byte_fallback", false);
  options.fuse_unk = model.boolean_or("fuse_unk", false);
  options.continuing_prefix = model.string_or("continuing_subword_prefix", "");
  options.word_suffix = model.string_or("end_of_word_suffix", "");
  if (const auto unk = model.find("unk_token")) {
    const TokenId id = vocab.find(unk->string());
    if (id == kNoToken)
      unk->fail(fmt::format("token \"{}\" is missing", base::escaped(unk->string(), 60)));
    options.unk = id;
  }
  if (options.byte_fallback) need_all_bytes(model, vocab);
  HfModel result;
  result.type = raw_bytes ? "byte-level BPE" : "BPE";
  result.joins_neighbours = !options.ignore_merges && options.continuing_prefix.empty() &&
                            options.word_suffix.empty() && vocab.find(kSpaceMark) != kNoToken;
  MergeTable merges = read_merges(model, vocab, options.continuing_prefix);
  result.model = std::make_unique<BpeModel>(vocab, std::move(merges), std::move(options));
  return result;
}

HfModel unigram(const JsonAt& model, const Vocab& vocab) {
  std::vector<double> scores;
  for (const JsonAt& entry : model.need("vocab").items()) {
    const double score = entry.items()[1].number();
    if (!std::isfinite(score)) entry.fail("score must be finite");
    scores.push_back(score);
  }
  std::optional<TokenId> unk;
  if (const auto id = model.find("unk_id")) {
    if (id->integer() < 0 || static_cast<uint64_t>(id->integer()) >= scores.size()) {
      id->fail(fmt::format("token id out of range: got {}, need 0..{}", id->integer(),
                           scores.size() - 1));
    }
    unk = static_cast<TokenId>(id->integer());
  }
  const bool byte_fallback = model.boolean_or("byte_fallback", false);
  if (byte_fallback) need_all_bytes(model, vocab);
  HfModel result;
  result.type = "Unigram";
  result.model = std::make_unique<UnigramModel>(vocab, std::move(scores), unk, byte_fallback);
  return result;
}

}  // namespace

void add_hf_vocab(const JsonAt& model, VocabBuilder& vocab) {
  const std::string type = type_of(model);
  const bool has_bytes = model.boolean_or("byte_fallback", false);
  const JsonAt at = model.need("vocab");
  if (type == "BPE") {
    for (const Json::Member& member : at.object()) {
      const std::string& piece = member.first;
      const Json& id = member.second;
      if (!id.is_integer())
        at.fail(fmt::format("id of \"{}\" must be an integer", base::escaped(piece, 60)));
      at_place(at, [&] { vocab.add(id.as_int64(), piece, kind_of(piece, has_bytes)); });
    }
  } else if (type == "Unigram") {
    int64_t id = 0;
    for (const JsonAt& entry : at.items()) {
      const std::vector<JsonAt> pair = entry.items();
      if (pair.size() != 2) entry.fail("need a piece and its score");
      const std::string& piece = pair[0].string();
      at_place(at, [&] { vocab.add(id++, piece, kind_of(piece, has_bytes)); });
    }
  } else {
    model.need("type").fail(
        fmt::format("unknown model \"{}\": need \"BPE\" or \"Unigram\"", base::escaped(type, 60)));
  }
}

bool hf_model_takes_bytes(const JsonAt& model) {
  return type_of(model) == "BPE" && !model.boolean_or("byte_fallback", false) &&
         !model.find("unk_token") && model.string_or("continuing_subword_prefix", "").empty() &&
         model.string_or("end_of_word_suffix", "").empty();
}

HfModel hf_model(const JsonAt& model, const Vocab& vocab, bool raw_bytes) {
  return type_of(model) == "BPE" ? bpe(model, vocab, raw_bytes) : unigram(model, vocab);
}

}  // namespace nalar::tokenizer
