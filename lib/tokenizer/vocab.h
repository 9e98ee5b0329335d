#pragma once

#include <nalar/tokenizer.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/hash.h"

namespace nalar::tokenizer {

inline constexpr TokenId kNoToken = -1;
// More than ten times the largest vocabulary known; bounds the tables that a file can make us
// build.
inline constexpr size_t kMaxTokens = size_t{4} << 20;

// Ids ↔ pieces. Pieces lie one behind the other in a text that is owned here or borrowed from a
// mapped file; the way back is one flat hash table, so that 262,144 tokens are ready in
// milliseconds.
class Vocab {
 public:
  struct Span {
    uint32_t offset = 0;
    uint32_t length = 0;
  };

  Vocab() = default;
  // `spans` cut `text`, which must outlive the vocabulary; empty pieces are gaps that find() never
  // gives. Errors: bad_data: two ids with one piece, too many tokens.
  Vocab(std::string_view text, std::vector<Span> spans, std::vector<TokenKind> kinds);

  int size() const { return static_cast<int>(spans_.size()); }
  bool has(TokenId id) const { return id >= 0 && id < size(); }
  // REQUIRES has(id).
  std::string_view piece(TokenId id) const {
    const Span s = spans_[static_cast<size_t>(id)];
    return text_.substr(s.offset, s.length);
  }
  TokenKind kind(TokenId id) const { return kinds_[static_cast<size_t>(id)]; }
  void set_kind(TokenId id, TokenKind kind) { kinds_[static_cast<size_t>(id)] = kind; }
  // kNoToken when there is none.
  TokenId find(std::string_view piece) const { return find(piece, hash_bytes(piece)); }
  TokenId find(std::string_view piece, uint64_t hash) const;
  // For many look-ups in a row: brings the place of a hash nearer.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&table_[hash & mask_]); }
  size_t longest() const { return longest_; }

 private:
  void build_table();
  void insert(uint64_t hash, TokenId id);

  std::string_view text_;
  std::vector<Span> spans_;
  std::vector<TokenKind> kinds_;
  std::vector<uint64_t> table_;  // upper half of the hash | id + 1; 0 is free
  uint64_t mask_ = 0;
  size_t longest_ = 0;
};

// Collects pieces whose text is not in a mapped file.
class VocabBuilder {
 public:
  // Errors: bad_data: an id that is negative, beyond kMaxTokens or taken; over 4 GiB of text.
  void add(int64_t id, std::string_view piece, TokenKind kind);
  bool has(int64_t id) const;
  void set_kind(TokenId id, TokenKind kind) { kinds_[static_cast<size_t>(id)] = kind; }
  // REQUIRES has(id).
  std::string_view piece(int64_t id) const {
    const Vocab::Span s = spans_[static_cast<size_t>(id)];
    return std::string_view(text_).substr(s.offset, s.length);
  }
  TokenKind kind(int64_t id) const { return kinds_[static_cast<size_t>(id)]; }
  // Ids below the highest that no token has.
  size_t gaps() const { return spans_.size() - n_added_; }
  // The vocabulary borrows from text(), which the caller keeps.
  std::string& text() { return text_; }
  Vocab build(std::string_view kept_text);

 private:
  std::string text_;
  std::vector<Vocab::Span> spans_;
  std::vector<TokenKind> kinds_;
  std::vector<bool> taken_;
  size_t n_added_ = 0;
};

// The byte that "<0x0A>" stands for, -1 when it is not of this form.
int byte_of_piece(std::string_view piece);

}  // namespace nalar::tokenizer
