#include "quant/target.h"

#include <algorithm>
#include <limits>

namespace nalar::quant {
namespace {

constexpr int64_t kUnits = 1 << 15;

int64_t least_bytes_of(const std::vector<Candidate>& candidates) {
  return std::min_element(candidates.begin(), candidates.end(),
                          [](const Candidate& a, const Candidate& b) { return a.bytes < b.bytes; })
      ->bytes;
}

// The least loss of the tensors so far that take no more than so many units over their smallest
// candidates, and which candidate the last of them has then.
struct Column {
  std::vector<double> loss;  // [units + 1]
  std::vector<uint8_t> chosen;
};

Column add_tensor(const std::vector<double>& before, const std::vector<Candidate>& candidates,
                  int64_t unit) {
  const int64_t least = least_bytes_of(candidates);
  Column out{std::vector<double>(before.size(), std::numeric_limits<double>::infinity()),
             std::vector<uint8_t>(before.size(), 0)};
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto cost = static_cast<size_t>((candidates[i].bytes - least + unit - 1) / unit);
    for (size_t u = cost; u < before.size(); ++u) {
      const double loss = before[u - cost] + candidates[i].loss;
      if (!(loss < out.loss[u])) continue;
      out.loss[u] = loss;
      out.chosen[u] = static_cast<uint8_t>(i);
    }
  }
  return out;
}

// What rounding up to units left: the step that saves most, as long as there is one.
void use_up(const std::vector<std::vector<Candidate>>& tensors, int64_t left,
            std::vector<size_t>& chosen) {
  for (;;) {
    double saved = 0;
    size_t tensor = 0, to = 0;
    for (size_t t = 0; t < tensors.size(); ++t) {
      const Candidate& now = tensors[t][chosen[t]];
      for (size_t i = 0; i < tensors[t].size(); ++i) {
        const Candidate& next = tensors[t][i];
        if (next.bytes - now.bytes > left || !(now.loss - next.loss > saved)) continue;
        saved = now.loss - next.loss;
        tensor = t;
        to = i;
      }
    }
    if (saved == 0) return;
    left -= tensors[tensor][to].bytes - tensors[tensor][chosen[tensor]].bytes;
    chosen[tensor] = to;
  }
}

}  // namespace

int64_t least_bytes(const std::vector<std::vector<Candidate>>& tensors) {
  int64_t bytes = 0;
  for (const auto& candidates : tensors) bytes += least_bytes_of(candidates);
  return bytes;
}

std::optional<std::vector<size_t>> allocate(const std::vector<std::vector<Candidate>>& tensors,
                                            int64_t budget) {
  int64_t left = budget - least_bytes(tensors);
  if (left < 0) return std::nullopt;
  int64_t spendable = 0;
  for (const auto& candidates : tensors) {
    const auto largest = std::max_element(candidates.begin(), candidates.end(),
                                          [](auto& a, auto& b) { return a.bytes < b.bytes; });
    spendable += largest->bytes - least_bytes_of(candidates);
  }
  left = std::min(left, spendable);
  const int64_t unit = std::max<int64_t>(1, left / kUnits);
  std::vector<double> loss(static_cast<size_t>(left / unit + 1), 0);
  std::vector<std::vector<uint8_t>> chosen_of;
  for (const auto& candidates : tensors) {
    Column column = add_tensor(loss, candidates, unit);
    loss = std::move(column.loss);
    chosen_of.push_back(std::move(column.chosen));
  }
  std::vector<size_t> chosen(tensors.size());
  size_t u = loss.size() - 1;
  for (size_t t = tensors.size(); t-- > 0;) {
    chosen[t] = chosen_of[t][u];
    const int64_t over = tensors[t][chosen[t]].bytes - least_bytes_of(tensors[t]);
    u -= static_cast<size_t>((over + unit - 1) / unit);
    left -= over;
  }
  use_up(tensors, left, chosen);
  return chosen;
}

}  // namespace nalar::quant
