#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/train_kernels.h"
#include "kernels_support.h"
#include "support/catch.h"

namespace nalar::kernels {
namespace {

constexpr double kUnit = 0x1p-24;  // half a unit in the last place, relative
constexpr int64_t kSizes[] = {1, 15, 16, 17, 100, 1000};

std::vector<float> normal(int64_t n, uint64_t seed, float spread = 1) {
  test::Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = spread * random.normal();
  return v;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct NormGradients {
  std::vector<float> dx, dw;
};
NormGradients norm_backward(Isa isa, int64_t n, bool overwrite) {
  const auto dy = normal(n, 1), x = normal(n, 2, 3), w = normal(n, 3);
  NormGradients d{normal(n, 4), normal(n, 5)};
  const TrainKernels& k = train_kernels(isa);
  k.rms_norm_backward(dy.data(), x.data(), w.data(), 1e-5f, n, d.dx.data(), overwrite, d.dw.data());
  return d;
}

using MulBackward = decltype(TrainKernels::silu_mul_backward);
struct Gate {
  const char* what;
  MulBackward TrainKernels::*kernel;
  double (*act)(double);
  double (*slope)(double);
};
double silu(double x) { return x / (1 + std::exp(-x)); }
double silu_slope(double x) {
  const double s = 1 / (1 + std::exp(-x));
  return s * (1 + x * (1 - s));
}
constexpr double kRoot = 0.7978845608028654;  // sqrt(2 / pi)
double gelu_tanh(double x) { return x / 2 * (1 + std::tanh(kRoot * (x + 0.044715 * x * x * x))); }
double gelu_tanh_slope(double x) {
  const double t = std::tanh(kRoot * (x + 0.044715 * x * x * x));
  return (1 + t) / 2 + x / 2 * (1 - t * t) * kRoot * (1 + 3 * 0.044715 * x * x);
}
double gelu(double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }
double gelu_slope(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2 + x * std::exp(-x * x / 2) * kRoot / 2;
}
constexpr Gate kGates[] = {
    {"silu", &TrainKernels::silu_mul_backward, silu, silu_slope},
    {"gelu_tanh", &TrainKernels::gelu_tanh_mul_backward, gelu_tanh, gelu_tanh_slope},
    {"gelu", &TrainKernels::gelu_mul_backward, gelu, gelu_slope},
};

// -log softmax of capped logits, in double, and its gradient.
struct Entropy {
  double loss;
  std::vector<double> gradient, error;  // error: what the gradient is before the cap's slope
};
Entropy entropy(const std::vector<float>& logits, int64_t label, double cap) {
  const auto capped = [&](double x) { return cap > 0 ? cap * std::tanh(x / cap) : x; };
  double top = -INFINITY, total = 0;
  for (const float x : logits) top = std::max(top, capped(x));
  for (const float x : logits) total += std::exp(capped(x) - top);
  Entropy e{std::log(total) + top - capped(logits[static_cast<size_t>(label)]), {}, {}};
  for (size_t i = 0; i < logits.size(); ++i) {
    const double c = capped(logits[i]), t = cap > 0 ? c / cap : 0;
    const double p = std::exp(c - top) / total - (static_cast<int64_t>(i) == label ? 1 : 0);
    e.gradient.push_back(p * (1 - t * t));
    e.error.push_back(std::fabs(p));
  }
  return e;
}

}  // namespace

TEST_CASE("the gradient of a norm against double") {
  for (const int64_t n : kSizes) {
    const auto dy = normal(n, 1), x = normal(n, 2, 3), w = normal(n, 3);
    const auto dx = normal(n, 4), dw = normal(n, 5);
    double squares = 0, products = 0, absolute = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      squares += double{x[i]} * x[i];
      products += double{x[i]} * w[i] * dy[i];
      absolute += std::fabs(double{x[i]} * w[i] * dy[i]);
    }
    const double f = 1 / std::sqrt(squares / static_cast<double>(n) + double{1e-5f});
    // n / 16 additions in a lane, 4 of the tree, 2 roundings of a product; then at most 10 more.
    const double sum = (static_cast<double>(n) / 16 + 16) * kUnit;
    for (const bool overwrite : {false, true}) {
      const NormGradients got = norm_backward(Isa::scalar, n, overwrite);
      for (size_t i = 0; i < x.size(); ++i) {
        const double pull = f * f * f * x[i] / static_cast<double>(n);
        const double start = overwrite ? 0 : dx[i], direct = f * w[i] * dy[i];
        INFO("n " << n << " element " << i);
        CHECK(std::fabs(got.dx[i] - (start + direct - pull * products)) <=
              3 * sum * (std::fabs(direct) + std::fabs(pull) * absolute) +
                  kUnit * std::fabs(start));
        const double w_part = x[i] * f * dy[i];
        CHECK(std::fabs(got.dw[i] - (dw[i] + w_part)) <=
              sum * std::fabs(w_part) + kUnit * (std::fabs(dw[i]) + std::fabs(w_part)));
      }
    }
  }
}

TEST_CASE("a norm without a trained weight, its gradient in place") {
  for (const Isa isa : available_isas()) {
    const NormGradients want = norm_backward(isa, 100, true);
    auto dy = normal(100, 1);
    const auto x = normal(100, 2, 3), w = normal(100, 3);
    train_kernels(isa).rms_norm_backward(dy.data(), x.data(), w.data(), 1e-5f, 100, dy.data(), true,
                                         nullptr);
    CHECK(same_bits(dy, want.dx));
  }
}

TEST_CASE("gradients of gated activations against double, in place") {
  for (const Gate& gate : kGates) {
    for (const int64_t n : kSizes) {
      const auto dh = normal(n, 1), g = normal(n, 2, 3), up = normal(n, 3);
      auto d_gate = g, d_up = up;
      (train_kernels(Isa::scalar).*gate.kernel)(dh.data(), d_gate.data(), d_up.data(), n,
                                                d_gate.data(), d_up.data());
      for (size_t i = 0; i < g.size(); ++i) {
        const double x = g[i], by_up = double{dh[i]} * up[i];
        // The sigmoid, or Φ and its density, are off by 1e-6 and the roundings of an exponent that
        // is at most about 2x + x³/10; x times that, in the slope once more times its own slope.
        const double exponent = std::fabs(x) * (2 + x * x / 10);
        const double off = (1e-6 + 8 * kUnit * exponent) * (1 + std::fabs(x));
        INFO(gate.what << " at " << x);
        CHECK(std::fabs(d_up[i] - dh[i] * gate.act(x)) <= off * std::fabs(dh[i]));
        CHECK(std::fabs(d_gate[i] - by_up * gate.slope(x)) <=
              off * (1 + x * x / 4) * std::fabs(by_up));
      }
    }
  }
}

TEST_CASE("slopes far out are 0 and 1") {
  const float x[] = {-1e4f, -100, 100, 1e4f}, one[] = {1, 1, 1, 1};
  for (const Gate& gate : kGates) {
    float d_gate[4], d_up[4];
    (train_kernels(Isa::scalar).*gate.kernel)(one, x, one, 4, d_gate, d_up);
    for (int i = 0; i < 4; ++i) {
      INFO(gate.what << " at " << x[i]);
      CHECK(std::fabs(d_gate[i] - (x[i] > 0 ? 1 : 0)) <= 1e-20);
      CHECK(std::fabs(d_up[i] - (x[i] > 0 ? x[i] : 0)) <= 1e-20);
    }
  }
}

TEST_CASE("cross-entropy against double") {
  for (const int64_t n : {1, 17, 1000, 9000}) {
    for (const float cap : {0.0f, 4.0f}) {
      for (const int64_t label : {int64_t{0}, n / 2, n - 1}) {
        const auto logits = normal(n, 8, 5);
        auto got = logits;
        const float weight = 0.7f;
        const double loss =
            train_kernels(Isa::scalar).cross_entropy(got.data(), n, label, cap, weight);
        const Entropy want = entropy(logits, label, cap);
        INFO("n " << n << " cap " << cap << " label " << label);
        // exponents of up to 50 are rounded once, tanh is off by 4e-7 of the cap; a sum of up to
        // 256 terms in a lane and 4 of the tree, relative to itself.
        const double weight_off = 2e-7 + 100 * kUnit + (cap > 0 ? 1e-6 * cap : 0) + 262 * kUnit;
        CHECK(std::fabs(loss - want.loss) <= weight_off + 1e-7 * std::fabs(want.loss));
        for (size_t i = 0; i < got.size(); ++i) {
          // The slope 1 - t² is off by twice what t is, whatever is left of it; the label's p and
          // 1 are taken from each other.
          const double slope_off = cap > 0 ? 1e-6 : 0;
          const double p = want.error[i] + (static_cast<int64_t>(i) == label ? 2 : 0);
          CHECK(std::fabs(got[i] - weight * want.gradient[i]) <=
                weight_off * std::fabs(want.gradient[i]) + (slope_off + 2 * kUnit) * p);
        }
      }
    }
  }
}

TEST_CASE(
    "cross-entropy of weight 0 leaves the logits; extremes are finite, NaN and infinity are not") {
  for (const Isa isa : available_isas()) {
    const TrainKernels& k = train_kernels(isa);
    const auto logits = normal(100, 8, 5);
    auto copy = logits;
    const double loss = k.cross_entropy(copy.data(), 100, 3, 2.0f, 0);
    CHECK(same_bits(copy, logits));
    CHECK(loss == k.cross_entropy(copy.data(), 100, 3, 2.0f, 1));

    std::vector<float> wide = {3e38f, -3e38f, 0};
    CHECK(k.cross_entropy(wide.data(), 3, 0, 0, 1) == 0);
    CHECK(wide == std::vector<float>{0, 0, 0});
    wide = {1000, -1000, 0};
    CHECK(k.cross_entropy(wide.data(), 3, 1, 0, 1) == 2000);
    CHECK(wide == std::vector<float>{1, -1, 0});

    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      std::vector<float> spoiled = {1, bad, 2};
      CHECK(std::isnan(k.cross_entropy(spoiled.data(), 3, 0, 0, 1)));
      CHECK(std::isnan(spoiled[0]));
    }
  }
}

TEST_CASE("training's vector kernels give the scalar bits on every instruction set") {
  const TrainKernels& scalar = train_kernels(Isa::scalar);
  for (const Isa isa : available_isas()) {
    const TrainKernels& k = train_kernels(isa);
    for (int64_t n = 1; n < 70; ++n) {
      INFO(name(isa) << " n " << n);
      for (const bool overwrite : {false, true}) {
        const NormGradients got = norm_backward(isa, n, overwrite);
        const NormGradients want = norm_backward(Isa::scalar, n, overwrite);
        REQUIRE((same_bits(got.dx, want.dx) && same_bits(got.dw, want.dw)));
      }
      const auto dh = normal(n, 1), gate = normal(n, 2, 3), up = normal(n, 3);
      for (const Gate& g : kGates) {
        auto got = gate, got_up = up, want = gate, want_up = up;
        (k.*g.kernel)(dh.data(), gate.data(), up.data(), n, got.data(), got_up.data());
        (scalar.*g.kernel)(dh.data(), gate.data(), up.data(), n, want.data(), want_up.data());
        REQUIRE((same_bits(got, want) && same_bits(got_up, want_up)));
      }
      for (const float cap : {0.0f, 4.0f}) {
        auto got = gate, want = gate;
        REQUIRE(k.cross_entropy(got.data(), n, n / 2, cap, 0.3f) ==
                scalar.cross_entropy(want.data(), n, n / 2, cap, 0.3f));
        REQUIRE(same_bits(got, want));
      }
    }
    auto got = normal(50000, 4, 5), want = got;
    REQUIRE(k.cross_entropy(got.data(), 50000, 7, 30, 0.3f) ==
            scalar.cross_entropy(want.data(), 50000, 7, 30, 0.3f));
    REQUIRE(same_bits(got, want));
  }
}

}  // namespace nalar::kernels
