#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/prefix_index.h"
#include "tokenizer/subword_model.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// Unigram language model (Kudo 2018) as the tokenizers package runs it: the cut with the highest
// sum of scores, found by Viterbi's algorithm; neighbouring unknown characters are one unknown.
class UnigramModel : public SubwordModel {
 public:
  // scores: one a token, finite. Borrows `vocab`. Errors: bad_data: a piece too long to search for.
  UnigramModel(const Vocab& vocab, std::vector<double> scores, std::optional<TokenId> unk,
               bool byte_fallback);
  // Errors: bad_data when the text has an unknown character and there is no unk.
  void encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const override;

 private:
  struct Node {  // the best way to cut the text up to here
    double score = 0;
    size_t begin = kUnreached;
    TokenId id = kNoToken;
  };
  static constexpr size_t kUnreached = ~size_t{0};

  void improve(Node& node, double score, size_t begin, TokenId id) const {
    if (node.begin == kUnreached || score > node.score) node = {score, begin, id};
  }
  void append_unknown(std::string_view text, std::vector<TokenId>& out) const;

  const Vocab& vocab_;
  std::vector<double> scores_;
  std::optional<TokenId> unk_;
  double unk_score_;
  PrefixIndex index_;
  std::array<TokenId, 256> bytes_;
};

}  // namespace nalar::tokenizer
