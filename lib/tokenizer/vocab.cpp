#include "tokenizer/vocab.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "base/utf8.h"

namespace nalar::tokenizer {
namespace {

// At half load a run this long does not happen by chance.
constexpr int kMaxProbes = 512;
constexpr size_t kBatch = 16;

uint64_t tagged(uint64_t hash, TokenId id) {
  return (hash & 0xFFFFFFFF00000000) | (static_cast<uint64_t>(id) + 1);
}

}  // namespace

Vocab::Vocab(std::string_view text, std::vector<Span> spans, std::vector<TokenKind> kinds)
    : text_(text), spans_(std::move(spans)), kinds_(std::move(kinds)) {
  build_table();
}

void Vocab::build_table() {
  const size_t n = spans_.size();
  if (n > kMaxTokens) {
    throw Error(ErrorKind::bad_data,
                fmt::format("vocabulary too large: got {} tokens, need at most {}", n, kMaxTokens));
  }
  table_.assign(std::bit_ceil(std::max<size_t>(2 * n, 16)), 0);
  mask_ = table_.size() - 1;
  // In batches, so that the table's cache misses overlap.
  uint64_t hashes[kBatch];
  for (size_t begin = 0; begin < n; begin += kBatch) {
    const size_t count = std::min(kBatch, n - begin);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = hash_bytes(piece(static_cast<TokenId>(begin + i)));
      __builtin_prefetch(&table_[hashes[i] & mask_], 1);
    }
    for (size_t i = 0; i < count; ++i) {
      const auto id = static_cast<TokenId>(begin + i);
      if (!piece(id).empty()) insert(hashes[i], id);
      longest_ = std::max<size_t>(longest_, spans_[begin + i].length);
    }
  }
}

void Vocab::insert(uint64_t hash, TokenId id) {
  const uint64_t entry = tagged(hash, id);
  uint64_t slot = hash & mask_;
  for (int probe = 0; probe < kMaxProbes; ++probe, slot = (slot + 1) & mask_) {
    const uint64_t there = table_[slot];
    if (there == 0) {
      table_[slot] = entry;
      return;
    }
    if ((there ^ entry) >> 32 != 0) continue;
    const auto other = static_cast<TokenId>(static_cast<uint32_t>(there) - 1);
    if (piece(other) == piece(id)) {
      throw Error(ErrorKind::bad_data, fmt::format("duplicate token \"{}\": ids {} and {}",
                                                   base::escaped(piece(id)), other, id));
    }
  }
  throw Error(ErrorKind::bad_data,
              fmt::format("vocabulary made to collide: token {} finds no place", id));
}

TokenId Vocab::find(std::string_view piece_text, uint64_t hash) const {
  if (table_.empty() || piece_text.size() > longest_) return kNoToken;
  for (uint64_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
    const uint64_t there = table_[slot];
    if (there == 0) return kNoToken;
    if ((there ^ hash) >> 32 != 0) continue;
    const auto id = static_cast<TokenId>(static_cast<uint32_t>(there) - 1);
    if (piece(id) == piece_text) return id;
  }
}

bool VocabBuilder::has(int64_t id) const {
  return id >= 0 && static_cast<size_t>(id) < taken_.size() && taken_[static_cast<size_t>(id)];
}

void VocabBuilder::add(int64_t id, std::string_view piece, TokenKind kind) {
  if (id < 0 || static_cast<uint64_t>(id) >= kMaxTokens) {
    throw Error(ErrorKind::bad_data, fmt::format("token id out of range: \"{}\" has {}, need 0..{}",
                                                 base::escaped(piece, 60), id, kMaxTokens - 1));
  }
  if (has(id)) {
    throw Error(ErrorKind::bad_data,
                fmt::format("duplicate token id {}: \"{}\"", id, base::escaped(piece, 60)));
  }
  if (text_.size() + piece.size() > std::numeric_limits<uint32_t>::max()) {
    throw Error(ErrorKind::bad_data, "vocabulary text over 4 GiB");
  }
  const auto at = static_cast<size_t>(id);
  if (at >= spans_.size()) {
    spans_.resize(at + 1);
    kinds_.resize(at + 1, TokenKind::unused);
    taken_.resize(at + 1);
  }
  spans_[at] = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(piece.size())};
  kinds_[at] = kind;
  taken_[at] = true;
  ++n_added_;
  text_.append(piece);
}

Vocab VocabBuilder::build(std::string_view kept_text) {
  return {kept_text, std::move(spans_), std::move(kinds_)};
}

int byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  const int high = digit(piece[3]), low = digit(piece[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace nalar::tokenizer
