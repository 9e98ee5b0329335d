#include <nalar/eval.h>

#include <algorithm>
#include <cmath>

namespace nalar {
namespace {

// The metric of another task that is the same one; nullptr where there is none.
const MetricResult* find(const TaskResult& result, const MetricResult& metric) {
  const auto at = std::find_if(
      result.metrics.begin(), result.metrics.end(),
      [&](const MetricResult& m) { return m.name == metric.name && m.filter == metric.filter; });
  return at == result.metrics.end() ? nullptr : &*at;
}

bool is_mean_of_items(const TaskResult& result, size_t metric) {
  return !result.items.empty() && result.items.front().values[metric].has_value();
}

}  // namespace

std::vector<MetricResult> group_means(const std::vector<TaskResult>& results) {
  std::vector<MetricResult> out;
  if (results.empty()) return out;
  const std::vector<MetricResult>& metrics = results.front().metrics;
  for (size_t m = 0; m < metrics.size(); ++m) {
    if (!is_mean_of_items(results.front(), m)) continue;
    // Pooled: Σ n (n - 1) error² ÷ (Σ n - tasks) is the variance of an item, Σ n of which are
    // averaged.
    double items = 0, sum = 0, squares = 0;
    const bool all = std::all_of(results.begin(), results.end(), [&](const TaskResult& result) {
      const MetricResult* own = find(result, metrics[m]);
      if (own == nullptr) return false;
      const auto n = static_cast<double>(result.items.size());
      items += n;
      sum += n * own->estimate.value;
      // A single item tells no error, and has no degree of freedom either.
      if (n > 1) squares += n * (n - 1) * own->estimate.error * own->estimate.error;
      return true;
    });
    if (!all) continue;
    const double degrees = items - static_cast<double>(results.size());
    MetricResult mean = metrics[m];
    mean.estimate = {sum / items, std::sqrt(squares / degrees / items)};
    out.push_back(mean);
  }
  return out;
}

}  // namespace nalar
