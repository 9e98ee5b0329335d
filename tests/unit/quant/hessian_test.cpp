#include "quant/hessian.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels_support.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::quant;

namespace {

float bf16(float x) { return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0xffff0000); }

// Inputs whose columns depend on each other; column 3 is never anything but 0. They are such as
// bf16 can hold, which some products round to.
std::vector<float> inputs(int64_t tokens, int64_t columns) {
  test::Random random(5);
  std::vector<float> x(static_cast<size_t>(tokens * columns));
  for (int64_t t = 0; t < tokens; ++t) {
    float last = 0;
    for (int64_t c = 0; c < columns; ++c) {
      last = 0.7f * last + random.normal();
      x[static_cast<size_t>(t * columns + c)] = c == 3 ? 0 : bf16(last);
    }
  }
  return x;
}

MatrixView<const float> view(const std::vector<float>& x, int64_t columns) {
  return {x.data(), static_cast<int64_t>(x.size()) / columns, columns, columns};
}

void add(Hessian& hessian, MatrixView<const float> rows, int threads) {
  Products products(threads);
  hessian.add(rows, products);
}

}  // namespace

TEST_CASE("The diagonal is the mean square, whatever the threads and before and after factor()") {
  constexpr int64_t kColumns = 300, kTokens = 700;
  const auto x = inputs(kTokens, kColumns);
  Hessian one(kColumns), three(kColumns);
  add(one, view(x, kColumns), 1);
  add(three, view(x, kColumns), 3);
  const auto before = three.diagonal();
  CHECK(one.diagonal() == before);
  REQUIRE(three.factor(3));
  REQUIRE(one.factor(1));
  CHECK(three.diagonal() == before);
  for (int64_t r = 0; r < kColumns; ++r) {
    CHECK(std::memcmp(one.factor_rows().row(r) + r, three.factor_rows().row(r) + r,
                      static_cast<size_t>(kColumns - r) * sizeof(float)) == 0);
  }
  for (int64_t c = 0; c < kColumns; ++c) {
    double sum = 0;
    for (int64_t t = 0; t < kTokens; ++t) {
      const double v = x[static_cast<size_t>(t * kColumns + c)];
      sum += v * v;
    }
    // At most one chain of all products.
    CHECK(std::fabs(before[static_cast<size_t>(c)] - sum / kTokens) <=
          (kTokens + 4) * 0x1p-24 * sum / kTokens);
  }
}

TEST_CASE("The factor is upper triangular with U^T U the inverse of the damped H") {
  for (const int64_t n : {1, 60, 256, 300, 600}) {
    CAPTURE(n);
    const auto x = inputs(900, n);
    Hessian hessian(n);
    add(hessian, view(x, n), 2);
    const auto diagonal = hessian.diagonal();
    double mean = 0;
    int live = 0;
    for (const float d : diagonal) {
      mean += d;
      live += d > 0;
    }
    mean /= live;
    REQUIRE(hessian.factor(2));
    const auto u = hessian.factor_rows();
    // (H + λ I) U^T U e_c = e_c for some c: with v = U e_c, then U^T v, then H.
    double worst = 0;
    for (int64_t c = 0; c < n; c += 37) {
      std::vector<double> v(static_cast<size_t>(n)), y(v.size()), dots(900);
      for (int64_t r = 0; r <= c; ++r) v[static_cast<size_t>(r)] = u.row(r)[c];
      for (int64_t r = 0; r <= c; ++r) {
        for (int64_t k = r; k < n; ++k) {
          y[static_cast<size_t>(k)] += double{u.row(r)[k]} * v[static_cast<size_t>(r)];
        }
      }
      for (int64_t t = 0; t < 900; ++t) {
        for (int64_t k = 0; k < n; ++k) {
          dots[static_cast<size_t>(t)] +=
              double{x[static_cast<size_t>(t * n + k)]} * y[static_cast<size_t>(k)];
        }
      }
      for (int64_t k = 0; k < n; ++k) {
        double e = hessian.damping() * mean * y[static_cast<size_t>(k)] - (k == c);
        for (int64_t t = 0; t < 900; ++t) {
          e += dots[static_cast<size_t>(t)] * double{x[static_cast<size_t>(t * n + k)]} / 900;
        }
        worst = std::max(worst, std::fabs(e));
      }
    }
    // The condition number is below trace / λ < n / damping; fp32 sums of n terms.
    CHECK(worst < 0x1p-24 * static_cast<double>(n) / hessian.damping() * 10);
  }
}

TEST_CASE("What a product rounds of the inputs is noise of 2^-8 at most") {
  const std::vector<float> x(64 * 10, 1 + 0x1.fp-9f);
  Hessian hessian(64);
  add(hessian, view(x, 64), 1);
  for (const float d : hessian.diagonal()) CHECK(std::fabs(d / (x[0] * x[0]) - 1) < 0x1p-7);
}

TEST_CASE("Zeros have no factor") {
  const std::vector<float> zeros(64 * 10);
  Hessian hessian(64);
  CHECK_FALSE(Hessian(64).factor(1));
  add(hessian, view(zeros, 64), 1);
  CHECK_FALSE(hessian.factor(1));
}
