#include "tokenizer/unigram.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/bpe.h"

namespace nalar::tokenizer {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr size_t kLongest = 4096;

}  // namespace

UnigramModel::UnigramModel(const Vocab& vocab, std::vector<double> scores,
                           std::optional<TokenId> unk, bool byte_fallback)
    : vocab_(vocab), scores_(std::move(scores)), unk_(unk), unk_score_(0) {
  bytes_.fill(kNoToken);
  if (byte_fallback) bytes_ = fallback_ids(vocab);
  if (!scores_.empty())
    unk_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  std::vector<PrefixIndex::Entry> entries;
  entries.reserve(scores_.size());
  for (size_t i = 0; i < scores_.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (vocab.piece(id).size() > kLongest) {
      throw Error(ErrorKind::bad_data, fmt::format("bad piece {}: got {} bytes, need at most {}", i,
                                                   vocab.piece(id).size(), kLongest));
    }
    entries.push_back({vocab.piece(id), id});
  }
  index_ = PrefixIndex(std::move(entries));
}

void UnigramModel::append_unknown(std::string_view text, std::vector<TokenId>& out) const {
  const auto id = [&](char c) { return bytes_[static_cast<unsigned char>(c)]; };
  if (const TokenId token = vocab_.find(text); token != kNoToken) {
    out.push_back(token);
  } else if (std::any_of(text.begin(), text.end(), [&](char c) { return id(c) == kNoToken; })) {
    out.push_back(*unk_);
  } else {
    for (const char c : text) out.push_back(id(c));
  }
}

void UnigramModel::encode(std::string_view piece, Scratch&, std::vector<TokenId>& out) const {
  std::vector<Node> best(piece.size() + 1);
  for (size_t at = 0; at < piece.size();) {
    const auto length = static_cast<size_t>(base::decode_utf8(piece, at).length);
    const double so_far = best[at].score;
    bool whole_character = false;
    index_.each_prefix(piece.substr(at), [&](int32_t id, size_t bytes) {
      improve(best[at + bytes], so_far + scores_[static_cast<size_t>(id)], at, id);
      whole_character = whole_character || bytes == length;
    });
    if (!whole_character) {
      if (!unk_) {
        throw Error(ErrorKind::bad_data,
                    fmt::format("the vocabulary has no unknown token for \"{}\"",
                                base::escaped(piece.substr(at, length))));
      }
      improve(best[at + length], so_far + unk_score_, at, *unk_);
    }
    at += length;
  }
  // Backwards along the best cut; unknown neighbours run together.
  std::vector<TextRange> cuts;
  bool last_unknown = false;
  for (size_t end = piece.size(); end > 0; end = best[end].begin) {
    const bool unknown = best[end].id == unk_;
    if (unknown && last_unknown) {
      cuts.back().begin = best[end].begin;
    } else {
      cuts.push_back({best[end].begin, end});
    }
    last_unknown = unknown;
  }
  for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
    const TokenId id = best[cut->end].id;
    if (id != unk_) {
      out.push_back(id);
    } else {
      append_unknown(piece.substr(cut->begin, cut->end - cut->begin), out);
    }
  }
}

}  // namespace nalar::tokenizer
