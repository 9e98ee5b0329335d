#include "generate/candidates.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace nalar::generate {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

float best_logit(std::span<const Candidate> candidates) {
  float best = kForbidden;
  for (const Candidate& c : candidates) best = std::max(best, c.logit);
  return best;
}

[[noreturn]] void refuse_empty() {
  throw Error(ErrorKind::usage, "every token is forbidden: nothing is left to choose from");
}

std::vector<double> softmax(std::span<const Candidate> candidates) {
  const double best = best_logit(candidates);
  std::vector<double> p(candidates.size());
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) sum += p[i] = std::exp(candidates[i].logit - best);
  for (double& x : p) x /= sum;
  return p;
}

// Visits the items in order until `enough` says so, and drops the rest. Sorts no more than it
// needs: few of a large vocabulary carry nearly all of the probability.
template <typename Item, typename Less, typename Enough>
void keep_prefix(std::vector<Item>& items, Less less, Enough enough) {
  size_t sorted = 0;
  size_t block = 128;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i == sorted) {
      sorted = std::min(items.size(), sorted + block);
      block *= 4;
      const auto first = items.begin() + static_cast<ptrdiff_t>(i);
      const auto last = items.begin() + static_cast<ptrdiff_t>(sorted);
      std::nth_element(first, last - 1, items.end(), less);
      std::sort(first, last, less);
    }
    if (enough(items[i])) {
      items.resize(i + 1);
      return;
    }
  }
}

}  // namespace

void check_logits(std::span<const float> logits) {
  // Also false for NaN. Counted, not left early: so the loop is vectorized.
  uint32_t good = 0;
  for (const float x : logits) good += x < std::numeric_limits<float>::infinity() ? 1 : 0;
  if (good != logits.size()) {
    throw Error(
        ErrorKind::internal,
        fmt::format("the model's output: got {} of {} logits that are NaN or infinite, need none",
                    logits.size() - good, logits.size()));
  }
}

TokenId best_token(std::span<const float> logits) {
  float best = kForbidden;
  size_t best_id = logits.size();
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > best) {
      best = logits[id];
      best_id = id;
    }
  }
  if (best_id == logits.size()) refuse_empty();
  return static_cast<TokenId>(best_id);
}

std::vector<Candidate> top_k(std::span<const float> logits, size_t k) {
  std::vector<Candidate> kept;
  if (k >= logits.size()) {
    kept = all_candidates(logits);
    std::sort(kept.begin(), kept.end(), better);
    return kept;
  }
  const size_t room = 2 * k + 64;
  kept.reserve(room);
  // Ids rise, so one that equals the k-th best of those before it cannot be among the k best.
  float bar = kForbidden;
  const auto trim = [&] {
    const auto kth = kept.begin() + static_cast<ptrdiff_t>(k);
    std::nth_element(kept.begin(), kth - 1, kept.end(), better);
    kept.erase(kth, kept.end());
    bar = kept.back().logit;
  };
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > bar) {
      kept.push_back({static_cast<TokenId>(id), logits[id]});
      if (kept.size() == room) trim();
    }
  }
  if (kept.size() > k) trim();
  std::sort(kept.begin(), kept.end(), better);
  return kept;
}

std::vector<Candidate> all_candidates(std::span<const float> logits) {
  std::vector<Candidate> all;
  all.reserve(logits.size());
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > kForbidden) all.push_back({static_cast<TokenId>(id), logits[id]});
  }
  return all;
}

void keep_top_p(std::vector<Candidate>& candidates, float p) {
  const double best = best_logit(candidates);
  double total = 0;
  for (const Candidate& c : candidates) total += std::exp(c.logit - best);
  double sum = 0;
  keep_prefix(candidates, better, [&](const Candidate& c) {
    sum += std::exp(c.logit - best) / total;
    return sum >= p;
  });
}

void keep_min_p(std::vector<Candidate>& candidates, float p) {
  const float bar = best_logit(candidates) + std::log(p);
  std::erase_if(candidates, [bar](const Candidate& c) { return c.logit < bar; });
}

void keep_typical(std::vector<Candidate>& candidates, float p) {
  const std::vector<double> probability = softmax(candidates);
  double entropy = 0;
  for (const double q : probability) {
    if (q > 0) entropy -= q * std::log(q);
  }
  struct Typical {
    double distance;
    double probability;
    Candidate candidate;
  };
  std::vector<Typical> items(candidates.size());
  for (size_t i = 0; i < items.size(); ++i) {
    items[i] = {std::abs(-std::log(probability[i]) - entropy), probability[i], candidates[i]};
  }
  double sum = 0;
  keep_prefix(
      items,
      [](const Typical& a, const Typical& b) {
        return a.distance != b.distance ? a.distance < b.distance
                                        : better(a.candidate, b.candidate);
      },
      [&](const Typical& item) { return (sum += item.probability) > p; });
  candidates.resize(items.size());
  for (size_t i = 0; i < items.size(); ++i) candidates[i] = items[i].candidate;
}

TokenId draw(std::span<const Candidate> candidates, float temperature, double u) {
  if (candidates.empty()) refuse_empty();
  const double best = best_logit(candidates);
  std::vector<double> cumulative(candidates.size());
  double sum = 0;
  for (size_t i = 0; i < cumulative.size(); ++i) {
    cumulative[i] = sum += std::exp((candidates[i].logit - best) / temperature);
  }
  // The first whose sum exceeds the target: one of weight zero never does.
  const auto chosen = std::upper_bound(cumulative.begin(), cumulative.end(), u * sum);
  const auto last = std::lower_bound(cumulative.begin(), cumulative.end(), sum);
  return candidates[static_cast<size_t>(std::min(chosen, last) - cumulative.begin())].id;
}

}  // namespace nalar::generate
