#include "eval/statistics.h"

#include <cmath>

#include "eval/python_random.h"
#include "support/catch.h"

namespace nalar::eval {
namespace {

// Numbers of exact arithmetic and numerical integration in Python.

TEST_CASE("mean and standard error of the mean") {
  const std::vector<double> values = {1, 0, 0, 1, 1, 0, 1, 1, 0, 1};
  const Estimate two_pass = mean_of(values);
  CHECK(two_pass.value == 0.6);
  CHECK(two_pass.error == Approx(0.16329931618554522).epsilon(1e-14));
  Moments moments;
  for (const double v : values) moments.add(v);
  CHECK(moments.mean().value == two_pass.value);
  CHECK(moments.mean().error == Approx(two_pass.error).epsilon(1e-12));
  CHECK(std::isnan(mean_of(std::vector<double>{1}).error));
}

TEST_CASE("a ratio and its error by the delta method") {
  const std::vector<Pair> pairs = {{-10, 4}, {-7, 3}, {-22, 8}, {-3, 2}};
  const Estimate ratio = ratio_of(pairs);
  CHECK(ratio.value == Approx(-42.0 / 17));
  // sqrt(4 / 3 · Σ (a - r b)²) / 17
  CHECK(ratio.error == Approx(0.20318225959727607).epsilon(1e-12));
}

TEST_CASE("quantiles lie between neighbours") {
  const std::vector<double> sorted = {1, 2, 4, 8};
  CHECK(quantile(sorted, 0) == 1);
  CHECK(quantile(sorted, 1) == 8);
  CHECK(quantile(sorted, 0.5) == 3);
  CHECK(quantile(sorted, 0.9) == Approx(6.8));
}

TEST_CASE("p of Student's t") {
  CHECK(student_p(2.0, 9) == Approx(0.07655282377).epsilon(1e-8));
  CHECK(student_p(-2.0, 9) == student_p(2.0, 9));
  CHECK(student_p(0, 5) == 1);
  CHECK(student_p(1.96, 1e6) == Approx(0.04999606810459811).epsilon(1e-7));
  CHECK(student_p(12, 3) == Approx(0.0012450158).epsilon(1e-5));
}

TEST_CASE("McNemar's exact test") {
  CHECK(mcnemar_p(3, 12) == Approx(0.03515625).epsilon(1e-12));
  CHECK(mcnemar_p(12, 3) == mcnemar_p(3, 12));
  CHECK(mcnemar_p(5, 5) == 1);
  CHECK(mcnemar_p(0, 0) == 1);
  CHECK(mcnemar_p(0, 6) == Approx(0.03125).epsilon(1e-12));
  CHECK(mcnemar_p(400, 480) == Approx(0.007707305043339141).epsilon(1e-9));
}

TEST_CASE("the bootstrap draws as lm-evaluation-harness does") {
  // 3 blocks of 1000: random.Random(i).choices of these values, exp(-mean), sample deviation.
  const std::vector<double> values = {0.5, 1.25, -3, 7, 2, 2, 9};
  const double error = bootstrap_error(7, 3000, [&](std::span<const int32_t> draws) {
    double sum = 0;
    for (const int32_t d : draws) sum += values[static_cast<size_t>(d)];
    return std::exp(-sum / 7);
  });
  CHECK(error == Approx(0.27851623095207806).epsilon(1e-12));
  CHECK(std::isnan(bootstrap_error(1, 3000, [](std::span<const int32_t>) { return 1.0; })));
}

TEST_CASE("a difference without an error shows nothing") {
  const auto p_of = [](double z) { return normal_p(z); };
  CHECK(difference_p({1, NAN}, p_of) == 1);
  CHECK(difference_p({0, 0}, p_of) == 1);
  CHECK(difference_p({1, 0}, p_of) == 0);
  CHECK(difference_p({1.96, 1}, p_of) == Approx(0.04999579029644087).epsilon(1e-12));
}

}  // namespace
}  // namespace nalar::eval
