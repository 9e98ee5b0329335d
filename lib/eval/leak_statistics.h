#pragma once

#include <nalar/eval.h>

#include <cstdint>
#include <optional>
#include <span>

namespace nalar::eval {

// Probability that a member's score is above another's, ties by half, with DeLong's standard error
// (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988). NaN where a side is empty; its error
// also where one has a single score.
Estimate area_under_roc(std::span<const double> members, std::span<const double> others);

// Share of the members above the lowest threshold that at most `rate` of the others exceed. nullopt
// where the others are too few for one of them to be allowed over it.
std::optional<double> true_positive_rate(std::span<const double> members,
                                         std::span<const double> others, double rate);

// Fisher's exact test, one-sided: p of `first` successes of n_first or more, given the successes of
// both groups together, where both have the same rate.
double fisher_p(int64_t first, int64_t n_first, int64_t second, int64_t n_second);

// log2 of how many secrets there are − log2 of the secret's rank among them, from the likelihoods
// of decoys: ties count against the secret.
double exposure(double log_likelihood, std::span<const double> decoys);

// p that exposures sum up to this where every rank is as likely as another: e^(-exposure · ln 2) of
// each is a p-value, and they are combined by Fisher's method, with Brown's correction (Biometrics
// 31, 1975) for what ranks among the same `decoys` have in common.
double exposures_p(std::span<const double> exposures, int64_t decoys);

// Whether n samples hold a text of this log-likelihood with probability p or more: 1 − (1 − e^l)^n
// ≥ p.
bool discoverable(double log_likelihood, int64_t n, double p);

}  // namespace nalar::eval
