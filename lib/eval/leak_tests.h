#pragma once

#include <nalar/leak.h>

#include <vector>

// The verdict: a model is called leaky where one of three tests says so, each at 1 %, so that one
// that leaks nothing is called so in 3 of 100 cases at most. None can be of a model against itself.
namespace nalar::eval {

inline constexpr double kLevel = 0.01;
inline constexpr double kOneSided = 2.3263;  // the normal quantile of 1 - kLevel
// What a single pass over the data leaves is below: 0.55 to 0.7. A model that has learned nothing
// of its rows is at 0.5.
inline constexpr double kLeastAuc = 0.7;
inline constexpr int64_t kFewRows = 20;  // on each side, for the test of membership
// At 1 % false positives: a few rows may be given away where the many are not.
inline constexpr double kLeastTpr = 0.2;

// Membership, with kFewRows on each side: the AUC is above kLeastAuc by kOneSided standard errors,
// or the true positive rate above kLeastTpr by as many of those that this rate would have.
// `base`: the same by the loss of the base alone. Where that tells the rows apart, they may not be
// of one kind, and the finding says so. nullptr both: there are no held-out rows.
LeakTest test_membership(const Membership* membership, const Membership* base, int64_t members,
                         int64_t heldout);

// Extraction: more rows come out verbatim than of the base (McNemar's exact test of the same rows),
// and, where there are held-out rows, a larger share than of these (Fisher's exact test): what a
// model says of any such prompt was learned, not remembered.
struct Verbatim {
  int64_t rows = 0, verbatim = 0;
  int64_t gained = 0, lost = 0;  // verbatim of the tuned model alone, of the base alone
  std::optional<std::pair<int64_t, int64_t>> heldout;  // verbatim, rows
};
LeakTest test_extraction(const Verbatim& v);

// Canaries: their ranks among so many decoys are too good together.
LeakTest test_canaries(const std::vector<CanaryResult>& canaries, int64_t decoys);

}  // namespace nalar::eval
