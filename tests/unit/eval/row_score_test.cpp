#include "eval/row_score.h"

#include <cmath>
#include <random>
#include <vector>

#include "support/catch.h"

namespace nalar::eval {
namespace {

std::vector<float> random_row(size_t n, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> row(n);
  for (float& x : row) x = normal(random);
  return row;
}

double plain_log_sum(const std::vector<float>& row) {
  const double top = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float x : row) sum += std::exp(x - top);
  return top + std::log(sum);
}

TEST_CASE("log of the sum of exponentials, against double precision") {
  for (const size_t n : {1, 2, 15, 16, 17, 255, 256, 257, 5000}) {
    for (const float spread : {0.01f, 3.0f, 60.0f}) {
      const auto row = random_row(n, spread, static_cast<uint32_t>(n));
      const RowScore score = score_row(row);
      // The exponential is good to 2 units of fp32; sums of 256 / 16 terms in fp32 add 16 more.
      CHECK(std::abs(score.log_sum - plain_log_sum(row)) <= 18 * 6e-8 + 1e-12 * spread);
      CHECK(score.top == std::max_element(row.begin(), row.end()) - row.begin());
    }
  }
}

TEST_CASE("a token that the model has no logit for is impossible") {
  const std::vector<float> row = {1, 2};
  CHECK(std::isfinite(logprob(score_row(row), row, 1)));
  CHECK(logprob(score_row(row), row, 2) == -INFINITY);
  CHECK(logprob(score_row(row), row, -1) == -INFINITY);
}

TEST_CASE("the first of equal logits is the top") {
  const std::vector<float> row = {1, 3, 3, 2};
  CHECK(score_row(row).top == 1);
}

TEST_CASE("logits far below the top count for nothing, and do no harm") {
  const std::vector<float> row = {0, -1000, -INFINITY, -88};
  CHECK(score_row(row).log_sum == Approx(0).margin(1e-7));
}

TEST_CASE("KL divergence, against double precision") {
  for (const float difference : {0.0f, 0.01f, 1.0f, 8.0f}) {
    const auto p = random_row(3000, 4, 1);
    auto q = p;
    const auto noise = random_row(3000, difference, 2);
    for (size_t i = 0; i < q.size(); ++i) q[i] += noise[i] + 5;  // a constant changes nothing
    const double zp = plain_log_sum(p), zq = plain_log_sum(q);
    double want = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      want += std::exp(p[i] - zp) * ((p[i] - zp) - (q[i] - zq));
    }
    const double got = kl_divergence(p, score_row(p), q, score_row(q));
    // Each of its terms is good to 20 units of fp32 of |difference|.
    CHECK(std::abs(got - want) <= 20 * 6e-8 * (difference + 5));
    CHECK(got >= 0);
  }
}

}  // namespace
}  // namespace nalar::eval
