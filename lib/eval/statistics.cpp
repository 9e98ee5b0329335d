#include "eval/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "eval/python_random.h"

namespace nalar::eval {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Regularized incomplete beta function by its continued fraction (Lentz), x < (a + 1) / (a + b +
// 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kEnough = 1e-15;
  const auto not_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / not_zero(1 - (a + b) * x / (a + 1)), product = d;
  for (int m = 1; m < 1000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (const double term : {even, odd}) {
      d = 1 / not_zero(1 + term * d);
      c = not_zero(1 + term / c);
      step = c * d;
      product *= step;
    }
    if (std::abs(step - 1) < kEnough) break;
  }
  return product;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double error_of_mean(double squared_deviations, int64_t n) {
  if (n < 2) return kNone;
  const auto count = static_cast<double>(n);
  return std::sqrt(squared_deviations / (count - 1) / count);
}

}  // namespace

Estimate Moments::mean() const {
  if (n == 0) return {kNone, kNone};
  const double m = sum / static_cast<double>(n);
  return {m, error_of_mean(std::max(0.0, squares - sum * m), n)};
}

Estimate mean_of(std::span<const double> values) {
  if (values.empty()) return {kNone, kNone};
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const double m = sum / static_cast<double>(values.size());
  for (const double v : values) squares += (v - m) * (v - m);
  return {m, error_of_mean(squares, static_cast<int64_t>(values.size()))};
}

Estimate ratio_of(std::span<const Pair> pairs) {
  double a = 0, b = 0, squares = 0;
  for (const Pair& p : pairs) a += p.a, b += p.b;
  const double ratio = a / b;
  for (const Pair& p : pairs) squares += (p.a - ratio * p.b) * (p.a - ratio * p.b);
  const auto n = static_cast<double>(pairs.size());
  return {ratio, pairs.size() < 2 ? kNone : std::sqrt(squares * n / (n - 1)) / b};
}

Estimate exp_of(const Estimate& x) {
  const double value = std::exp(x.value);
  return {value, value * x.error};
}

double quantile(std::span<const double> sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

double student_p(double t, double degrees) {
  if (std::isnan(t)) return 1;
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

double normal_p(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

double mcnemar_p(int64_t first, int64_t second) {
  const int64_t n = first + second;
  // Twice the tail of a binomial distribution with p = 1/2; the middle is counted once.
  double tail = 0;
  for (int64_t k = 0; k <= std::min(first, second); ++k) {
    const auto x = static_cast<double>(k), all = static_cast<double>(n);
    tail += std::exp(std::lgamma(all + 1) - std::lgamma(x + 1) - std::lgamma(all - x + 1) -
                     all * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

double bootstrap_error(int64_t n, int iterations,
                       const std::function<double(std::span<const int32_t>)>& statistic) {
  constexpr int kBlock = 1000;
  if (n < 2) return kNone;
  std::vector<int32_t> draws(static_cast<size_t>(n));
  std::vector<double> values;
  const int block = std::min(kBlock, iterations);
  for (int b = 0; b < iterations / block; ++b) {
    PythonRandom random(static_cast<uint64_t>(b));
    for (int i = 0; i < block; ++i) {
      for (int32_t& d : draws) d = static_cast<int32_t>(random.uniform() * static_cast<double>(n));
      values.push_back(statistic(draws));
    }
  }
  const Estimate mean = mean_of(values);
  return mean.error * std::sqrt(static_cast<double>(values.size()));
}

}  // namespace nalar::eval
