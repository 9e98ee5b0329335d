#include "quant/target.h"

#include <algorithm>
#include <numeric>

namespace nalar::quant {
namespace {

double slope(const Candidate& from, const Candidate& to) {
  return (from.loss - to.loss) / static_cast<double>(to.bytes - from.bytes);
}

// Indices of the lower convex hull of loss over bytes: both fall and rise from one to the next, and
// each further byte saves less.
std::vector<size_t> hull(const std::vector<Candidate>& all) {
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (all[a].bytes != all[b].bytes) return all[a].bytes < all[b].bytes;
    return all[a].loss != all[b].loss ? all[a].loss < all[b].loss : a < b;
  });
  std::vector<size_t> out;
  for (const size_t i : order) {
    if (!out.empty() && all[i].loss >= all[out.back()].loss) continue;
    while (out.size() >= 2 &&
           slope(all[out[out.size() - 2]], all[out.back()]) <= slope(all[out.back()], all[i])) {
      out.pop_back();
    }
    out.push_back(i);
  }
  return out;
}

struct Step {
  double slope;
  size_t tensor;
  size_t to;  // along the hull
};

}  // namespace

int64_t least_bytes(const std::vector<std::vector<Candidate>>& tensors) {
  int64_t bytes = 0;
  for (const auto& candidates : tensors) {
    bytes += std::min_element(candidates.begin(), candidates.end(), [](auto& a, auto& b) {
               return a.bytes < b.bytes;
             })->bytes;
  }
  return bytes;
}

std::optional<std::vector<size_t>> allocate(const std::vector<std::vector<Candidate>>& tensors,
                                            int64_t budget) {
  int64_t left = budget - least_bytes(tensors);
  if (left < 0) return std::nullopt;
  std::vector<std::vector<size_t>> hulls;
  std::vector<Step> steps;
  for (size_t t = 0; t < tensors.size(); ++t) {
    hulls.push_back(hull(tensors[t]));
    for (size_t k = 1; k < hulls[t].size(); ++k) {
      steps.push_back({slope(tensors[t][hulls[t][k - 1]], tensors[t][hulls[t][k]]), t, k});
    }
  }
  // Slopes fall along a hull, so its steps stay in order.
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.slope > b.slope; });
  std::vector<size_t> at(tensors.size(), 0);
  for (const Step& step : steps) {
    if (at[step.tensor] + 1 != step.to) continue;  // an earlier step of it did not fit
    const std::vector<size_t>& own = hulls[step.tensor];
    const int64_t more =
        tensors[step.tensor][own[step.to]].bytes - tensors[step.tensor][own[step.to - 1]].bytes;
    if (more > left) continue;
    left -= more;
    at[step.tensor] = step.to;
  }
  std::vector<size_t> chosen;
  for (size_t t = 0; t < tensors.size(); ++t) chosen.push_back(hulls[t][at[t]]);
  return chosen;
}

}  // namespace nalar::quant
