#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/subword_model.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// Merges in the order of their rank: (left, right) → rank, in 8 bytes a slot.
class MergeTable {
 public:
  static constexpr size_t kMaxMerges = (size_t{1} << 20) - 1;

  // Errors: bad_data: too many merges.
  explicit MergeTable(size_t n_merges = 0);
  // The merge of the next rank. A pair that was there before gets the new rank.
  void add(TokenId left, TokenId right, TokenId merged);
  size_t size() const { return merged_.size(); }

  // kNoRank when the two do not merge.
  uint32_t rank(TokenId left, TokenId right) const {
    const uint64_t pair = key(left, right);
    for (uint64_t slot = hash_pair(pair) & mask_;; slot = (slot + 1) & mask_) {
      const uint64_t there = table_[slot];
      if (there == kFree) return kNoRank;
      if (there >> kRankBits == pair) return static_cast<uint32_t>(there & kMaxMerges);
    }
  }
  TokenId merged(uint32_t rank) const { return merged_[rank]; }

 private:
  static constexpr int kIdBits = 22, kRankBits = 20;
  static constexpr uint64_t kFree = ~uint64_t{0};
  static uint64_t key(TokenId left, TokenId right) {
    return static_cast<uint64_t>(left) << kIdBits | static_cast<uint64_t>(right);
  }

  std::vector<uint64_t> table_;
  std::vector<TokenId> merged_;
  uint64_t mask_ = 0;
};

struct BpeOptions {
  // Pieces are bytes, and the vocabulary spells them in byte_chars(). Otherwise a piece is cut into
  // the characters that the vocabulary spells as they are.
  bool raw_bytes = false;
  bool ignore_merges = false;  // a piece that is a token as a whole becomes it
  bool byte_fallback = false;  // an unknown character becomes its "<0x..>" tokens
  bool fuse_unk = false;       // neighbouring unknown characters become one unk
  std::optional<TokenId> unk;  // without it an unknown character is left out
  std::string continuing_prefix;
  std::string word_suffix;
};

// Byte-pair encoding (Sennrich et al. 2016) as the tokenizers package runs it.
class BpeModel : public SubwordModel {
 public:
  // Borrows `vocab`.
  BpeModel(const Vocab& vocab, MergeTable merges, BpeOptions options);
  void encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const override;

 private:
  void split_bytes(std::string_view piece, Scratch& scratch) const;
  void split_chars(std::string_view piece, Scratch& scratch) const;
  bool add_fallback(std::string_view spelled, Scratch& scratch) const;
  TokenId whole(std::string_view piece, Scratch& scratch) const;

  const Vocab& vocab_;
  MergeTable merges_;
  BpeOptions options_;
  std::array<TokenId, 256> byte_ids_;      // of the byte's stand-in
  std::array<TokenId, 256> fallback_ids_;  // of "<0x..>"
};

// "<0x00>" to "<0xFF>"; kNoToken where a vocabulary has none.
std::array<TokenId, 256> fallback_ids(const Vocab& vocab);

}  // namespace nalar::tokenizer
