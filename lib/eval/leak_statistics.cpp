#include "eval/leak_statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "eval/statistics.h"

namespace nalar::eval {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// How many of the sorted values are below x, ties by half.
double rank_in(std::span<const double> sorted, double x) {
  const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), x);
  return static_cast<double>((low - sorted.begin()) + (high - sorted.begin())) / 2;
}

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> out(values.begin(), values.end());
  std::sort(out.begin(), out.end());
  return out;
}

double log_choose(int64_t n, int64_t k) {
  const auto gamma = [](int64_t x) { return std::lgamma(static_cast<double>(x) + 1); };
  return gamma(n) - gamma(k) - gamma(n - k);
}

}  // namespace

Estimate area_under_roc(std::span<const double> members, std::span<const double> others) {
  if (members.empty() || others.empty()) return {kNone, kNone};
  const std::vector<double> low = sorted(others), high = sorted(members);
  const auto m = static_cast<double>(members.size()), n = static_cast<double>(others.size());
  // DeLong's structural components: of each score, the share of the other side that it wins over.
  std::vector<double> of_members, of_others;
  for (const double x : members) of_members.push_back(rank_in(low, x) / n);
  for (const double y : others) of_others.push_back(1 - rank_in(high, y) / m);
  const Estimate a = mean_of(of_members), b = mean_of(of_others);
  return {a.value, std::hypot(a.error, b.error)};
}

std::optional<double> true_positive_rate(std::span<const double> members,
                                         std::span<const double> others, double rate) {
  // A rate as 0.1 of 10 rows is one row, whatever its last bit.
  const auto allowed = static_cast<size_t>(rate * static_cast<double>(others.size()) * (1 + 1e-12));
  if (allowed == 0 || members.empty()) return std::nullopt;
  std::vector<double> high(others.begin(), others.end());
  std::sort(high.begin(), high.end(), std::greater<>());
  // With every other allowed over it there is no threshold.
  if (allowed >= high.size()) return 1;
  const double threshold = high[allowed];
  const auto above =
      std::count_if(members.begin(), members.end(), [&](double x) { return x > threshold; });
  return static_cast<double>(above) / static_cast<double>(members.size());
}

double fisher_p(int64_t first, int64_t n_first, int64_t second, int64_t n_second) {
  const int64_t successes = first + second, n = n_first + n_second;
  double p = 0;
  for (int64_t k = first; k <= std::min(n_first, successes); ++k) {
    if (successes - k > n_second) continue;
    p += std::exp(log_choose(n_first, k) + log_choose(n_second, successes - k) -
                  log_choose(n, successes));
  }
  return std::min(1.0, p);
}

double exposure(double log_likelihood, std::span<const double> decoys) {
  const auto as_likely = std::count_if(decoys.begin(), decoys.end(),
                                       [&](double decoy) { return decoy >= log_likelihood; });
  return std::log2(static_cast<double>(decoys.size() + 1)) -
         std::log2(static_cast<double>(as_likely + 1));
}

double exposures_p(std::span<const double> exposures, int64_t decoys) {
  const double sum = std::accumulate(exposures.begin(), exposures.end(), 0.0) * std::numbers::ln2;
  if (sum <= 0) return 1;
  // Independent p-values make -2 Σ ln p χ² with 2 N degrees of freedom. Ranks among the same decoys
  // rise and fall together: the variance is `spread` times as large, as of fewer of them.
  const auto n = static_cast<double>(exposures.size());
  const double spread = 1 + (n - 1) / static_cast<double>(decoys + 2);
  const double independent = std::max(1.0, std::round(n / spread));
  const double half = sum * independent / n;
  // With an even number of degrees the tail is a sum; each term by itself is no larger than 1.
  double tail = 0;
  for (double k = 0; k < independent; ++k) {
    tail += std::exp(k * std::log(half) - half - std::lgamma(k + 1));
  }
  return std::min(1.0, tail);
}

bool discoverable(double log_likelihood, int64_t n, double p) {
  const double one = std::exp(log_likelihood);
  return one >= 1 || static_cast<double>(n) * std::log1p(-one) <= std::log1p(-p);
}

}  // namespace nalar::eval
