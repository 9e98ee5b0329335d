#pragma once

#include <nalar/token.h>

#include <span>
#include <vector>

namespace nalar::generate {

// A token that may still be drawn.
struct Candidate {
  TokenId id;
  float logit;
};

// The total order of the whole chain: the better logit first, the lower id on a tie.
inline bool better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// Throws Error(internal) when a logit is NaN or +inf.
void check_logits(std::span<const float> logits);

// The best token. Errors: usage when every logit is -inf.
TokenId best_token(std::span<const float> logits);

// The k best, best first; tokens at -inf are left out. k > 0; one pass over the logits.
std::vector<Candidate> top_k(std::span<const float> logits, size_t k);

// All tokens above -inf, by id.
std::vector<Candidate> all_candidates(std::span<const float> logits);

// The filters below leave at least one candidate of those they get (none of none). Their
// probabilities are the softmax over what they get.

// Keeps the most probable ones up to and with the one that brings their sum to p; best first.
void keep_top_p(std::vector<Candidate>& candidates, float p);
// Keeps those at least p times as probable as the best.
void keep_min_p(std::vector<Candidate>& candidates, float p);
// Keeps those whose surprise -log p is nearest to the entropy, up to and with the one that brings
// their sum over p; nearest first (Meister et al., "Locally typical sampling", TACL 2023).
void keep_typical(std::vector<Candidate>& candidates, float p);

// The token at u in [0, 1) of the cumulative softmax of logit / temperature, in the order of
// `candidates`.
TokenId draw(std::span<const Candidate> candidates, float temperature, double u);

}  // namespace nalar::generate
