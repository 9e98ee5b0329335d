#pragma once

#include <nalar/token.h>

#include <cstdint>
#include <limits>
#include <span>

// What is read off one row of logits [V]. The sums are made in one fixed order.
namespace nalar::eval {

struct RowScore {
  double log_sum = 0;  // ln Σ exp(logit)
  TokenId top = 0;     // the highest logit, the first of equals
};
RowScore score_row(std::span<const float> logits) noexcept;

// ln p of a token; -∞ where the model has no logit for it: a tokenizer may know more tokens.
inline double logprob(const RowScore& row, std::span<const float> logits, TokenId id) noexcept {
  const auto at = static_cast<size_t>(id);
  return at < logits.size() ? logits[at] - row.log_sum : -std::numeric_limits<double>::infinity();
}

// Mean and standard deviation of ln p of a token that is drawn from the row's distribution.
struct RowMoments {
  double mean = 0, deviation = 0;
};
RowMoments row_moments(std::span<const float> logits, const RowScore& score) noexcept;

// KL(p ‖ q) of the distributions of two rows, in nats.
double kl_divergence(std::span<const float> p, const RowScore& p_score, std::span<const float> q,
                     const RowScore& q_score) noexcept;

}  // namespace nalar::eval
