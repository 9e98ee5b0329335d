#include "eval/row_score.h"

#include <algorithm>
#include <cmath>

#include "kernels/vector_kernels.h"

namespace nalar::eval {
namespace {

const kernels::VectorKernels& vector() noexcept {
  return kernels::vector_kernels(kernels::chosen_isa());
}

}  // namespace

RowScore score_row(std::span<const float> logits) noexcept {
  const auto n = static_cast<int64_t>(logits.size());
  int64_t at = 0;
  const float top = vector().highest(logits.data(), n, &at);
  const double total = vector().sum_exp(logits.data(), top, n);
  return {top + std::log(total), static_cast<TokenId>(at)};
}

double kl_divergence(std::span<const float> p, const RowScore& p_score, std::span<const float> q,
                     const RowScore& q_score) noexcept {
  const float top = p[static_cast<size_t>(p_score.top)];
  // ln p - ln q = (p_i - q_i) - shift; Σ exp(p_i - top) (p_i - q_i) is divided by Σ exp(p_i - top).
  const double shift = p_score.log_sum - q_score.log_sum;
  const double scale = std::exp(top - p_score.log_sum);
  const auto center = static_cast<float>(shift);
  const double weighted = vector().sum_exp_difference(p.data(), top, q.data(), center,
                                                      static_cast<int64_t>(p.size()));
  return std::max(0.0, weighted * scale + (static_cast<double>(center) - shift));
}

}  // namespace nalar::eval
