#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/subword_model.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// SentencePiece's BPE: any two neighbours whose joined text is a token merge, those with the
// highest score first (leftmost among equals). Control tokens and byte tokens never come from text;
// a character that is no token becomes its bytes, or unk.
class SpmBpeModel : public SubwordModel {
 public:
  // scores: one finite float a token, of any alignment, in `vocab`'s order. Borrows both.
  // Errors: bad_data when neither unk nor all 256 byte tokens are there.
  SpmBpeModel(const Vocab& vocab, const char* scores, std::optional<TokenId> unk);
  void encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const override;

 private:
  // The token that a text spells, if text may become it.
  TokenId token_of(std::string_view text) const;
  uint32_t rank_of(TokenId id) const;
  void append(std::string_view text, std::vector<TokenId>& out) const;

  const Vocab& vocab_;
  const char* scores_;
  std::optional<TokenId> unk_;
  std::array<TokenId, 256> bytes_;
};

}  // namespace nalar::tokenizer
