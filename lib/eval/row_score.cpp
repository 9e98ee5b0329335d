#include "eval/row_score.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace nalar::eval {
namespace {

// e^x for x ≤ 0, within 2 units of the last place; 0 below -87. A polynomial on [-ln 2 / 2, ln 2 /
// 2] and a power of two: no call and no branch, so that compilers make vectors of it.
inline float exp_of_negative(float x) noexcept {
  constexpr float kLog2e = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 · 2^23: adding it rounds to a whole number
  const float clamped = std::max(x, -87.0f);
  const float shifted = clamped * kLog2e + kRound;
  const float n = shifted - kRound;
  const float r = (clamped - n * kLn2High) - n * kLn2Low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1;
  const auto power = (std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound) + 127) << 23;
  return x < -87.0f ? 0.0f : p * std::bit_cast<float>(power);
}

constexpr size_t kLanes = 16;
// Elements that are added up in fp32 before they go into a double.
constexpr size_t kBlock = 256;

// Σ term(i) for i < n.
template <typename Term>
double sum(size_t n, const Term& term) noexcept {
  double total = 0;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t end = std::min(n, begin + kBlock);
    std::array<float, kLanes> lanes{};
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (size_t l = 0; l < kLanes; ++l) lanes[l] += term(i + l);
    }
    for (size_t l = 0; i < end; ++i, ++l) lanes[l] += term(i);
    for (const float l : lanes) total += l;
  }
  return total;
}

}  // namespace

RowScore score_row(std::span<const float> logits) noexcept {
  const auto best = std::max_element(logits.begin(), logits.end());
  const float top = *best;
  const double total =
      sum(logits.size(), [&](size_t i) { return exp_of_negative(logits[i] - top); });
  return {top + std::log(total), static_cast<TokenId>(best - logits.begin())};
}

RowMoments row_moments(std::span<const float> logits, const RowScore& score) noexcept {
  const float top = logits[static_cast<size_t>(score.top)];
  const double scale = std::exp(top - score.log_sum);
  // Of x = logit - top, which is ln p but for a shift.
  const double mean = scale * sum(logits.size(), [&](size_t i) {
                        const float x = logits[i] - top;
                        return exp_of_negative(x) * x;
                      });
  const auto center = static_cast<float>(mean);
  const double variance = scale * sum(logits.size(), [&](size_t i) {
                            const float x = logits[i] - top;
                            return exp_of_negative(x) * (x - center) * (x - center);
                          });
  return {mean + (top - score.log_sum), std::sqrt(variance)};
}

double kl_divergence(std::span<const float> p, const RowScore& p_score, std::span<const float> q,
                     const RowScore& q_score) noexcept {
  const float top = p[static_cast<size_t>(p_score.top)];
  // ln p - ln q = (p_i - q_i) - shift; Σ exp(p_i - top) (p_i - q_i) is divided by Σ exp(p_i - top).
  const double shift = p_score.log_sum - q_score.log_sum;
  const double scale = std::exp(top - p_score.log_sum);
  const auto center = static_cast<float>(shift);
  const double weighted = sum(
      p.size(), [&](size_t i) { return exp_of_negative(p[i] - top) * ((p[i] - q[i]) - center); });
  return std::max(0.0, weighted * scale + (static_cast<double>(center) - shift));
}

}  // namespace nalar::eval
