#include "eval/leak_statistics.h"

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "eval/leak_tests.h"
#include "eval/row_score.h"
#include "support/catch.h"

namespace nalar::eval {
namespace {

using Values = std::vector<double>;

TEST_CASE("area under the ROC curve and DeLong's error, by hand") {
  // Of four pairs three are won. The shares won: 1 and 1/2 on either side, so that both variances
  // are 1/8, each divided by 2 rows.
  const Estimate auc = area_under_roc(Values{3, 2}, Values{1, 2.5});
  CHECK(auc.value == 0.75);
  CHECK(auc.error == Approx(std::sqrt(0.125)));
  const Estimate tied = area_under_roc(Values{1, 1, 1}, Values{1, 1});
  CHECK(tied.value == 0.5);
  CHECK(tied.error == 0);
  CHECK(area_under_roc(Values{1, 2}, Values{1, 3}).value == Approx(1.5 / 4));
  CHECK(std::isnan(area_under_roc(Values{1}, Values{0}).error));
  CHECK(std::isnan(area_under_roc(Values{}, Values{0}).value));
}

TEST_CASE("DeLong's error is that of pairs counted one by one") {
  Values members, others;
  for (int i = 0; i < 31; ++i) members.push_back(std::fmod(i * 7.3, 5));
  for (int i = 0; i < 23; ++i) others.push_back(std::fmod(i * 4.1, 4.5));
  const auto won = [](double x, double y) { return x > y ? 1.0 : x == y ? 0.5 : 0.0; };
  const auto spread = [&](const Values& of, const Values& against, bool turned) {
    Values shares;
    for (const double x : of) {
      double sum = 0;
      for (const double y : against) sum += turned ? won(y, x) : won(x, y);
      shares.push_back(sum / static_cast<double>(against.size()));
    }
    double mean = 0, squares = 0;
    for (const double s : shares) mean += s / static_cast<double>(shares.size());
    for (const double s : shares) squares += (s - mean) * (s - mean);
    const auto n = static_cast<double>(shares.size());
    return std::pair(mean, squares / (n - 1) / n);
  };
  const auto [mean, a] = spread(members, others, false);
  const auto [again, b] = spread(others, members, true);
  const Estimate auc = area_under_roc(members, others);
  CHECK(auc.value == Approx(mean).epsilon(1e-12));
  CHECK(again == Approx(mean).epsilon(1e-12));
  CHECK(auc.error == Approx(std::sqrt(a + b)).epsilon(1e-12));
}

TEST_CASE("true positive rate at a false positive rate") {
  const Values members{5, 4, 3, 2, 1}, others{0, 1, 2, 3, 4, 4.5, 0, 0, 0, 0};
  // One of ten may be above the threshold, which is 4: only 5 is.
  CHECK(true_positive_rate(members, others, 0.1) == 0.2);
  // Three may: above 2 are 5, 4 and 3.
  CHECK(true_positive_rate(members, others, 0.3) == 0.6);
  CHECK_FALSE(true_positive_rate(members, others, 0.01).has_value());
  CHECK(true_positive_rate(members, Values(100, 0.0), 0.01) == 1);
  CHECK_FALSE(true_positive_rate(members, Values(999, 0.0), 0.001).has_value());
  CHECK(true_positive_rate(members, Values(1000, 3.0), 0.001) == 0.4);
}

TEST_CASE("Fisher's exact test, one-sided") {
  CHECK(fisher_p(3, 4, 1, 4) == Approx(17.0 / 70));
  CHECK(fisher_p(4, 4, 0, 4) == Approx(1.0 / 70));
  CHECK(fisher_p(0, 4, 4, 4) == Approx(1));
  CHECK(fisher_p(5, 5, 5, 5) == Approx(1));
}

TEST_CASE("exposure is of the rank, ties against the secret") {
  const Values decoys(1023, -20.0);
  CHECK(exposure(-1, decoys) == 10);
  CHECK(exposure(-20, decoys) == 0);
  Values one_ties = decoys;
  one_ties[7] = -1;
  CHECK(exposure(-1, one_ties) == 9);
  CHECK(exposure(-3, Values{-1, -2, -5}) == Approx(2 - std::log2(3)));
}

TEST_CASE("exposures together") {
  CHECK(exposures_p(Values{5}, 1023) == Approx(std::exp2(-5)));
  // χ² with four degrees of freedom: e^-h (1 + h), h = 2 ln 2.
  CHECK(exposures_p(Values{1, 1}, 1023) == Approx(0.25 * (1 + 2 * std::log(2))));
  CHECK(exposures_p(Values{0, 0, 0}, 1023) == 1);
  CHECK(exposures_p(Values{}, 1023) == 1);
  // Many: all known, and as by chance.
  CHECK(exposures_p(Values(10'000, 10.0), 1023) < 1e-100);
  CHECK(exposures_p(Values(10'000, std::numbers::log2e), 1023) == Approx(0.5).margin(0.1));
}

TEST_CASE("exposures that share few decoys are called too good by chance as seldom as by 1 %") {
  for (const auto& [canaries, decoys] :
       {std::pair<size_t, size_t>{50, 10}, {50, 200}, {500, 100}}) {
    int found = 0;
    for (uint64_t trial = 0; trial < 2000; ++trial) {
      uint64_t position = 0;
      const auto draw = [&](size_t n) {
        Values values(n);
        for (double& v : values) v = base::uniform(trial, canaries, position++);
        return values;
      };
      const Values others = draw(decoys);
      Values exposures = draw(canaries);
      for (double& x : exposures) x = exposure(x, others);
      found += exposures_p(exposures, static_cast<int64_t>(decoys)) < 0.01;
    }
    // 20 are expected, 34 are three deviations above; a tail that is an approximation has some
    // more.
    CHECK(found < 40);
  }
}

TEST_CASE("(n, p)-discoverable") {
  CHECK(discoverable(std::log(0.5), 1, 0.5));
  CHECK_FALSE(discoverable(std::log(0.4), 1, 0.5));
  CHECK(discoverable(std::log(0.4), 2, 0.5));  // 1 - 0.6²
  CHECK_FALSE(discoverable(std::log(0.001), 692, 0.5));
  CHECK(discoverable(std::log(0.001), 693, 0.5));
  CHECK(discoverable(0, 1, 0.999));
  CHECK_FALSE(discoverable(-1000, 1000, 0.5));
}

TEST_CASE("mean and deviation of ln p over the vocabulary") {
  const std::vector<float> logits{std::log(3.0f), 0};
  const RowMoments m = row_moments(logits, score_row(logits));
  CHECK(m.mean == Approx(0.75 * std::log(0.75) + 0.25 * std::log(0.25)).epsilon(1e-5));
  CHECK(m.deviation == Approx(std::sqrt(0.75 * 0.25) * std::log(3)).epsilon(1e-5));
  const std::vector<float> flat(40, 2.5f);
  const RowMoments even = row_moments(flat, score_row(flat));
  CHECK(even.mean == Approx(-std::log(40)));
  CHECK(even.deviation == 0);
}

Membership auc(double value, double error) {
  Membership m;
  m.auc = {value, error};
  return m;
}

TEST_CASE("the rule of the verdict") {
  const Membership sure = auc(0.9, 0.05), weak = auc(0.8, 0.05), chance = auc(0.5, 0);
  CHECK(test_membership(&sure, &chance, 50, 50).leaky);
  CHECK_FALSE(test_membership(&weak, &chance, 50, 50).leaky);  // 0.8 - 2.33 · 0.05 < 0.7
  CHECK(test_membership(&weak, &chance, 50, 50).made);
  CHECK_FALSE(test_membership(&chance, &chance, 50, 50).leaky);
  const LeakTest few = test_membership(&sure, &chance, 50, 19);
  CHECK_FALSE(few.made);
  CHECK(few.finding == "not tested: 50 training and 19 held-out rows, need 20 of each");
  // A few rows for certain: 0.2 + 2.33 · √(0.2 · 0.8 / 50) is 0.332.
  Membership some = weak;
  some.tpr[1] = 0.34;
  CHECK(test_membership(&some, &chance, 50, 100).leaky);
  some.tpr[1] = 0.32;
  CHECK_FALSE(test_membership(&some, &chance, 50, 100).leaky);
  const Membership other = auc(0.7, 0.05);
  CHECK(test_membership(&sure, &other, 50, 50).finding.ends_with("are they of one kind?"));
  CHECK_FALSE(test_membership(nullptr, nullptr, 50, 0).made);

  // McNemar: 2 · 2^-8 = 0.0078, 2 · 2^-7 = 0.0156.
  CHECK(test_extraction({50, 8, 8, 0, {}}).leaky);
  CHECK_FALSE(test_extraction({50, 7, 7, 0, {}}).leaky);
  CHECK_FALSE(test_extraction({50, 0, 0, 20, {}}).leaky);
  CHECK_FALSE(test_extraction({0, 0, 0, 0, {}}).made);
  // What comes out for rows that it never saw was not remembered.
  CHECK_FALSE(test_extraction({50, 40, 40, 0, {{40, 50}}}).leaky);
  CHECK(test_extraction({50, 40, 40, 0, {{10, 50}}}).leaky);
  // Of 20 in 950 rows one in 50 would be expected: that none came out says little, for or against.
  const LeakTest unsure = test_extraction({950, 20, 20, 0, {{0, 50}}});
  CHECK(unsure.leaky);
  CHECK_FALSE(test_extraction({950, 20, 20, 0, {{1, 50}}}).leaky);
  CHECK(unsure.finding.ends_with("held-out 0 of 50: p = 0.3549, too few held-out rows to tell"));

  CHECK(test_canaries({{1, 8, 1}}, 1023).leaky);  // 2^-8
  CHECK_FALSE(test_canaries({{1, 6, 1}}, 1023).leaky);
  CHECK(test_canaries({{1, 6, 1}, {2, 6, 1}}, 1023).leaky);
  CHECK_FALSE(test_canaries({{1, 8, 8}}, 1023).leaky);  // the base's too
  CHECK_FALSE(test_canaries({}, 1023).made);
}

}  // namespace
}  // namespace nalar::eval
