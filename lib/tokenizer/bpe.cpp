#include "tokenizer/bpe.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <bit>

#include "base/utf8.h"
#include "tokenizer/byte_chars.h"

namespace nalar::tokenizer {
namespace {

constexpr int kMaxProbes = 512;

void add_symbol(std::vector<Symbol>& symbols, TokenId id) {
  const auto i = static_cast<uint32_t>(symbols.size());
  symbols.push_back({id, i == 0 ? kNoSymbol : i - 1, i + 1, kNoRank});
}

}  // namespace

MergeTable::MergeTable(size_t n_merges) {
  if (n_merges > kMaxMerges) {
    throw Error(ErrorKind::bad_data,
                fmt::format("too many merges: got {}, need at most {}", n_merges, kMaxMerges));
  }
  table_.assign(std::bit_ceil(std::max<size_t>(2 * n_merges, 16)), kFree);
  mask_ = table_.size() - 1;
  merged_.reserve(n_merges);
}

void MergeTable::add(TokenId left, TokenId right, TokenId merged) {
  const uint64_t pair = key(left, right);
  const uint64_t entry = pair << kRankBits | merged_.size();
  uint64_t slot = hash_pair(pair) & mask_;
  for (int probe = 0; probe < kMaxProbes; ++probe, slot = (slot + 1) & mask_) {
    if (table_[slot] != kFree && table_[slot] >> kRankBits != pair) continue;
    table_[slot] = entry;
    merged_.push_back(merged);
    return;
  }
  throw Error(ErrorKind::bad_data, "merges made to collide");
}

std::array<TokenId, 256> fallback_ids(const Vocab& vocab) {
  std::array<TokenId, 256> ids;
  for (unsigned byte = 0; byte < 256; ++byte)
    ids[byte] = vocab.find(fmt::format("<0x{:02X}>", byte));
  return ids;
}

BpeModel::BpeModel(const Vocab& vocab, MergeTable merges, BpeOptions options)
    : vocab_(vocab), merges_(std::move(merges)), options_(std::move(options)) {
  fallback_ids_.fill(kNoToken);
  if (options_.byte_fallback) fallback_ids_ = fallback_ids(vocab);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const ByteChar& c = byte_chars()[byte];
    byte_ids_[byte] = vocab.find({c.text, c.length});
  }
}

TokenId BpeModel::whole(std::string_view piece, Scratch& scratch) const {
  if (!options_.raw_bytes) return vocab_.find(piece);
  scratch.text.clear();
  append_byte_chars(scratch.text, piece);
  return vocab_.find(scratch.text);
}

void BpeModel::split_bytes(std::string_view piece, Scratch& scratch) const {
  for (const char c : piece) {
    const TokenId id = byte_ids_[static_cast<unsigned char>(c)];
    if (id != kNoToken) {
      add_symbol(scratch.symbols, id);
    } else if (options_.unk) {
      add_symbol(scratch.symbols, *options_.unk);
    }
  }
}

bool BpeModel::add_fallback(std::string_view spelled, Scratch& scratch) const {
  if (!options_.byte_fallback) return false;
  const auto id = [&](char c) { return fallback_ids_[static_cast<unsigned char>(c)]; };
  if (std::any_of(spelled.begin(), spelled.end(), [&](char c) { return id(c) == kNoToken; }))
    return false;
  for (const char c : spelled) add_symbol(scratch.symbols, id(c));
  return true;
}

void BpeModel::split_chars(std::string_view piece, Scratch& scratch) const {
  bool unk_waits = false;
  const auto flush = [&] {
    if (unk_waits) add_symbol(scratch.symbols, *options_.unk);
    unk_waits = false;
  };
  for (size_t at = 0; at < piece.size();) {
    const size_t end = at + static_cast<size_t>(base::decode_utf8(piece, at).length);
    std::string_view spelled = piece.substr(at, end - at);
    const bool prefixed = at > 0 && !options_.continuing_prefix.empty();
    const bool suffixed = end == piece.size() && !options_.word_suffix.empty();
    if (prefixed || suffixed) {
      scratch.text.assign(prefixed ? options_.continuing_prefix : "").append(spelled);
      if (suffixed) scratch.text += options_.word_suffix;
      spelled = scratch.text;
    }
    at = end;
    if (const TokenId id = vocab_.find(spelled); id != kNoToken) {
      flush();
      add_symbol(scratch.symbols, id);
    } else if (!add_fallback(spelled, scratch) && options_.unk) {
      if (!options_.fuse_unk) flush();
      unk_waits = true;
    }
  }
  flush();
}

void BpeModel::encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const {
  if (options_.ignore_merges) {
    if (const TokenId id = whole(piece, scratch); id != kNoToken) {
      out.push_back(id);
      return;
    }
  }
  std::vector<Symbol>& symbols = scratch.symbols;
  symbols.clear();
  if (options_.raw_bytes) {
    split_bytes(piece, scratch);
  } else {
    split_chars(piece, scratch);
  }
  if (symbols.empty()) return;
  symbols.back().next = kNoSymbol;
  scratch.queue.run(
      symbols,
      [&](uint32_t left, uint32_t right) {
        return merges_.rank(symbols[left].id, symbols[right].id);
      },
      [&](uint32_t left, uint32_t) { return merges_.merged(symbols[left].rank); });
  for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next) out.push_back(symbols[i].id);
}

}  // namespace nalar::tokenizer
