#include "eval/shared_heads.h"

#include <algorithm>
#include <cstdint>

namespace nalar::eval {
namespace {

// What a head costs besides its tokens: a run that saves less is not worth it.
constexpr int64_t kHeadCost = 16;

struct Split {
  int64_t saved = 0;
  std::vector<Run> runs;
};

// joint[i]: tokens that items i and i + 1 have in common. A run saves its head once for each item
// but the first. Where a split is better, it is where least is in common.
Split best_split(std::span<const size_t> joint, size_t begin, size_t end) {
  if (end - begin == 1) return {0, {{begin, end, 0}}};
  const auto first = joint.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto last = joint.begin() + static_cast<std::ptrdiff_t>(end) - 1;
  const size_t least = *std::min_element(first, last);
  const auto whole = static_cast<int64_t>((end - begin - 1) * least) - kHeadCost;
  Split parts;
  for (size_t from = begin, i = begin; i < end; ++i) {
    if (i + 1 < end && joint[i] != least) continue;
    Split part = best_split(joint, from, i + 1);
    parts.saved += part.saved;
    parts.runs.insert(parts.runs.end(), part.runs.begin(), part.runs.end());
    from = i + 1;
  }
  if (whole < parts.saved) return parts;
  return {whole, {{begin, end, least}}};
}

}  // namespace

size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) {
  const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(end - a.begin());
}

size_t common_stem(std::span<const Request> requests) {
  const auto first = input(requests.front());
  size_t n = first.size();
  for (const Request& r : requests) n = std::min(n, common_prefix(first, input(r)));
  return n;
}

std::vector<Run> shared_heads(std::span<const std::vector<Request>> items) {
  if (items.empty()) return {};
  std::vector<size_t> own;  // of each item: what a head may hold
  for (const auto& requests : items) {
    size_t n = common_stem(requests);
    for (const Request& r : requests) n = std::min(n, r.first_scored());
    own.push_back(n);
  }
  std::vector<size_t> joint;
  for (size_t i = 0; i + 1 < items.size(); ++i) {
    joint.push_back(std::min(
        {own[i], own[i + 1], common_prefix(input(items[i].front()), input(items[i + 1].front()))}));
  }
  return best_split(joint, 0, items.size()).runs;
}

}  // namespace nalar::eval
