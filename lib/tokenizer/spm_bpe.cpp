#include "tokenizer/spm_bpe.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/utf8.h"

namespace nalar::tokenizer {
namespace {

bool comes_from_text(TokenKind kind) {
  return kind == TokenKind::normal || kind == TokenKind::user || kind == TokenKind::unused;
}

}  // namespace

SpmBpeModel::SpmBpeModel(const Vocab& vocab, const char* scores, std::optional<TokenId> unk)
    : vocab_(vocab), scores_(scores), unk_(unk) {
  bytes_.fill(kNoToken);
  for (TokenId id = 0; id < vocab.size(); ++id) {
    if (vocab.kind(id) != TokenKind::byte) continue;
    bytes_[static_cast<size_t>(byte_of_piece(vocab.piece(id)))] = id;
  }
  const auto missing = std::find(bytes_.begin(), bytes_.end(), kNoToken);
  if (!unk && missing != bytes_.end()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("vocabulary has neither an unknown token nor \"<0x{:02X}>\"",
                            missing - bytes_.begin()));
  }
}

TokenId SpmBpeModel::token_of(std::string_view text) const {
  const TokenId id = vocab_.find(text);
  return id != kNoToken && comes_from_text(vocab_.kind(id)) ? id : kNoToken;
}

// Floats in descending order as unsigned numbers in ascending order.
uint32_t SpmBpeModel::rank_of(TokenId id) const {
  float score;
  std::memcpy(&score, scores_ + sizeof(float) * static_cast<size_t>(id), sizeof(float));
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 is 0
  const uint32_t ascending = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

void SpmBpeModel::append(std::string_view text, std::vector<TokenId>& out) const {
  if (const TokenId id = token_of(text); id != kNoToken) {
    out.push_back(id);
    return;
  }
  const auto id_of = [&](char c) { return bytes_[static_cast<unsigned char>(c)]; };
  if (std::any_of(text.begin(), text.end(), [&](char c) { return id_of(c) == kNoToken; })) {
    out.push_back(*unk_);
    return;
  }
  for (const char c : text) out.push_back(id_of(c));
}

void SpmBpeModel::encode(std::string_view piece, Scratch& scratch,
                         std::vector<TokenId>& out) const {
  std::vector<Symbol>& symbols = scratch.symbols;
  std::vector<uint32_t>& begins = scratch.begins;
  symbols.clear();
  begins.clear();
  for (size_t at = 0; at < piece.size();) {
    const auto i = static_cast<uint32_t>(symbols.size());
    symbols.push_back({kNoToken, i == 0 ? kNoSymbol : i - 1, i + 1, kNoRank});
    begins.push_back(static_cast<uint32_t>(at));
    at += static_cast<size_t>(base::decode_utf8(piece, at).length);
  }
  if (symbols.empty()) return;
  symbols.back().next = kNoSymbol;
  const auto text_from = [&](uint32_t first, uint32_t behind) {
    const size_t end = behind == kNoSymbol ? piece.size() : begins[behind];
    return piece.substr(begins[first], end - begins[first]);
  };
  scratch.queue.run(
      symbols,
      [&](uint32_t left, uint32_t right) {
        const TokenId id = token_of(text_from(left, symbols[right].next));
        return id == kNoToken ? kNoRank : rank_of(id);
      },
      [](uint32_t, uint32_t) { return kNoToken; });
  for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next)
    append(text_from(i, symbols[i].next), out);
}

}  // namespace nalar::tokenizer
