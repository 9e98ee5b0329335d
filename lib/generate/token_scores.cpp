#include "generate/token_scores.h"

#include <algorithm>
#include <cmath>

#include "generate/candidates.h"

namespace nalar::generate {

TokenScores::TokenScores(std::span<const float> logits, const Tokenizer& tokenizer)
    : logits_(logits.begin(), logits.end()), tokenizer_(tokenizer) {
  const double best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - best);
  log_sum_ = best + std::log(sum);
}

TokenScore TokenScores::score(TokenId chosen, int top) const {
  TokenScore score;
  static_cast<TokenLogprob&>(score) = at(chosen);
  if (top > 0) {
    const size_t n = std::min(logits_.size(), static_cast<size_t>(tokenizer_.n_tokens()));
    for (const Candidate& c : top_k(std::span(logits_).first(n), static_cast<size_t>(top))) {
      score.top.push_back(at(c.id));
    }
  }
  return score;
}

TokenLogprob TokenScores::at(TokenId id) const {
  const double logprob = logits_[static_cast<size_t>(id)] - log_sum_;
  std::string text = tokenizer_.kind(id) == TokenKind::control ? std::string(tokenizer_.piece(id))
                                                               : tokenizer_.token_bytes(id);
  return {id, std::move(text), static_cast<float>(logprob)};
}

}  // namespace nalar::generate
