#include "eval/leak_tests.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "eval/leak_statistics.h"
#include "eval/statistics.h"

namespace nalar::eval {
namespace {

std::string p_text(double p) { return p < 0.0001 ? "p < 0.0001" : fmt::format("p = {:.4f}", p); }

constexpr size_t kOnePercent = 1;  // of Membership::kRates
static_assert(Membership::kRates[kOnePercent] == 0.01);

}  // namespace

LeakTest test_membership(const Membership* membership, const Membership* base, int64_t members,
                         int64_t heldout) {
  LeakTest test{"membership", false, false, ""};
  if (membership == nullptr) {
    test.finding = "not tested: no held-out rows";
    return test;
  }
  if (members < kFewRows || heldout < kFewRows) {
    test.finding = fmt::format("not tested: {} training and {} held-out rows, need {} of each",
                               members, heldout, kFewRows);
    return test;
  }
  const double least = membership->auc.value - kOneSided * membership->auc.error;
  test.made = true;
  const std::optional<double> tpr = membership->tpr[kOnePercent];
  const double enough =
      kLeastTpr + kOneSided * std::sqrt(kLeastTpr * (1 - kLeastTpr) / static_cast<double>(members));
  test.leaky = least > kLeastAuc || (tpr && *tpr > enough);
  test.finding = fmt::format("AUC ≥ {:.3f} at 99 %, leaky above {}", least, kLeastAuc);
  if (tpr) {
    test.finding += fmt::format("; TPR {:.2f} at 1 % FPR, leaky above {:.3f}", *tpr, enough);
  }
  if (std::abs(base->auc.value - 0.5) > kOneSided * base->auc.error) {
    test.finding += fmt::format(
        "; the base tells them apart, too (AUC {:.3f}): are they of one kind?", base->auc.value);
  }
  return test;
}

LeakTest test_extraction(const Verbatim& v) {
  LeakTest test{"extraction", false, false, ""};
  if (v.rows == 0) {
    test.finding = "not tested: no row is long enough";
    return test;
  }
  const double p = v.gained > v.lost ? mcnemar_p(v.gained, v.lost) : 1;
  test.made = true;
  test.leaky = p < kLevel;
  test.finding =
      fmt::format("{} rows more than the base, {} fewer: {}", v.gained, v.lost, p_text(p));
  if (v.heldout && v.heldout->second > 0) {
    const auto [verbatim, rows] = *v.heldout;
    const double against = fisher_p(v.verbatim, v.rows, verbatim, rows);
    // Where so few held-out rows could not tell even if none came back, and none did, they have no
    // say.
    const bool can_tell = verbatim > 0 || fisher_p(v.verbatim, v.rows, 0, rows) < kLevel;
    test.leaky = test.leaky && (against < kLevel || !can_tell);
    test.finding += fmt::format("; {} of {} rows, held-out {} of {}: {}", v.verbatim, v.rows,
                                verbatim, rows, p_text(against));
    if (p < kLevel && !can_tell) test.finding += ", too few held-out rows to tell";
  }
  return test;
}

LeakTest test_canaries(const std::vector<CanaryResult>& canaries, int64_t decoys) {
  LeakTest test{"canaries", false, false, ""};
  if (canaries.empty()) {
    test.finding = "not tested: the training had none (finetune --canaries)";
    return test;
  }
  std::vector<double> tuned, base;
  for (const CanaryResult& canary : canaries) {
    tuned.push_back(canary.exposure);
    base.push_back(canary.base_exposure);
  }
  const double p = exposures_p(tuned, decoys);
  const Estimate mean = mean_of(tuned), before = mean_of(base);
  test.made = true;
  // Where the base ranks them no worse, chance made them likely.
  test.leaky = p < kLevel && mean.value > before.value;
  // Ranks by chance make exposures with a mean of log2 e.
  test.finding = fmt::format("mean exposure {:.2f} bits, base {:.2f}, by chance {:.2f}: {}",
                             mean.value, before.value, std::numbers::log2e, p_text(p));
  return test;
}

}  // namespace nalar::eval
