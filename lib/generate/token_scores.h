#pragma once

#include <nalar/generate.h>

#include <span>
#include <vector>

namespace nalar::generate {

// Log-probabilities of one position, of the logits as the model gave them.
class TokenScores {
 public:
  // logits [V] are copied; tokens from n_tokens on count in the sum but are never among the best.
  TokenScores(std::span<const float> logits, const Tokenizer& tokenizer);

  // The token that was chosen, with the `top` best.
  TokenScore score(TokenId chosen, int top) const;

 private:
  TokenLogprob at(TokenId id) const;

  std::vector<float> logits_;
  double log_sum_;
  const Tokenizer& tokenizer_;
};

}  // namespace nalar::generate
