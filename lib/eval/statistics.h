#pragma once

#include <nalar/eval.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

// Means and their errors. NaN stands for an error that the data do not give.
namespace nalar::eval {

// Sum and sum of squares of a stream, from which the mean and its error come.
struct Moments {
  int64_t n = 0;
  double sum = 0, squares = 0;

  void add(double x) {
    ++n;
    sum += x;
    squares += x * x;
  }
  // Mean, and sample standard deviation ÷ √n.
  Estimate mean() const;
};

// As Moments, in two passes.
Estimate mean_of(std::span<const double> values);

// Σ a / Σ b of pairs, with the error of a ratio of means (delta method).
struct Pair {
  double a = 0, b = 0;
};
Estimate ratio_of(std::span<const Pair> pairs);

// exp(x), with the error that x's gives it.
Estimate exp_of(const Estimate& x);

// The q-quantile of sorted values, between neighbours in proportion. REQUIRES one value or more.
double quantile(std::span<const double> sorted, double q);

// Two-sided p of a t statistic with these degrees of freedom, and of a normal one.
double student_p(double t, double degrees);
double normal_p(double z);
// p of a difference, by p_of(difference ÷ error). Where there is no error nothing is shown: 1.
template <typename P>
double difference_p(const Estimate& difference, const P& p_of) {
  if (difference.value == 0 || std::isnan(difference.error)) return 1;
  return difference.error > 0 ? p_of(difference.value / difference.error) : 0;
}

// McNemar's exact test: of n items that only one model got right, `first` were the first one's.
double mcnemar_p(int64_t first, int64_t second);

// Standard deviation of a statistic over resamples of n items, as lm-evaluation-harness draws them:
// `iterations` in blocks of 1000, the i-th block from Python's generator seeded with i.
// statistic(draws): indices of the items drawn. NaN where n < 2.
double bootstrap_error(int64_t n, int iterations,
                       const std::function<double(std::span<const int32_t>)>& statistic);

}  // namespace nalar::eval
