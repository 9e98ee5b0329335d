#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/lane_math.h"
#include "kernels/scalar/lanes.h"
#include "kernels/vector_kernels.h"
#include "support/catch.h"

namespace nalar::kernels {
namespace {

constexpr double kUnit = 0x1p-24;  // half a unit in the last place, relative

std::vector<float> normal(size_t n, uint32_t seed, float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> of(0, spread);
  std::vector<float> v(n);
  for (float& x : v) x = of(random);
  return v;
}

// A function of 16 lanes at one point.
template <typename F>
float at(F f, float x) {
  return f(ScalarLanes::set(x)).v[0];
}

// The greatest |f(x) - g(x)| / |g(x)| over `steps` points of [from, to].
template <typename F, typename G>
double worst_relative(F f, G g, double from, double to, int steps) {
  double worst = 0;
  for (int i = 0; i <= steps; ++i) {
    const auto x = static_cast<float>(from + (to - from) * i / steps);
    const double want = g(static_cast<double>(x));
    if (want != 0) worst = std::max(worst, std::fabs(at(f, x) - want) / std::fabs(want));
  }
  return worst;
}

// Runs every function of a table that writes floats, on n elements, and joins what they wrote.
std::vector<float> all_outputs(const VectorKernels& k, int64_t n, uint32_t seed) {
  const auto size = static_cast<size_t>(n);
  const std::vector<float> x = normal(size, seed, 3), y = normal(size, seed + 1, 3);
  std::vector<float> all, out(size);
  const auto keep = [&] { all.insert(all.end(), out.begin(), out.end()); };
  k.rms_norm(x.data(), y.data(), 1e-6f, n, out.data()), keep();
  out = y, k.add(x.data(), n, out.data()), keep();
  out = y, k.scale(1.7f, n, out.data()), keep();
  out = y, k.softcap(2.5f, n, out.data()), keep();
  k.silu_mul(x.data(), y.data(), n, out.data()), keep();
  k.gelu_tanh_mul(x.data(), y.data(), n, out.data()), keep();
  k.gelu_mul(x.data(), y.data(), n, out.data()), keep();
  int64_t at = 0;
  const float top = k.highest(x.data(), n, &at);
  all.push_back(top), all.push_back(static_cast<float>(at));
  const double sum = k.sum_exp(x.data(), top, n);
  all.push_back(static_cast<float>(sum));
  all.push_back(static_cast<float>(sum - double{all.back()}));
  return all;
}

std::vector<float> rope_outputs(const VectorKernels& k, int head_dim, int rope_dim) {
  std::vector<float> cos, sin, x = normal(static_cast<size_t>(3 * head_dim), 5), y = x;
  for (int i = 0; i < rope_dim / 2; ++i) {
    cos.push_back(static_cast<float>(std::cos(0.3 * i + 1)));
    sin.push_back(static_cast<float>(std::sin(0.3 * i + 1)));
  }
  k.rope_half(x.data(), 3, head_dim, rope_dim, cos.data(), sin.data());
  k.rope_interleaved(y.data(), 3, head_dim, rope_dim, cos.data(), sin.data());
  x.insert(x.end(), y.begin(), y.end());
  return x;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("exp, tanh and erfc are within their bounds of the double functions") {
  const auto exp_ = [](ScalarLanes v) { return exp(v); };
  CHECK(worst_relative(
            exp_, [](double x) { return std::exp(x); }, -86.6, 88, 2000000) <= 2e-7);
  const auto exp2_ = [](ScalarLanes v) { return exp2(v); };
  CHECK(worst_relative(
            exp2_, [](double x) { return std::exp2(x); }, -125, 127, 2000000) <= 2e-7);
  const auto tanh_ = [](ScalarLanes v) { return tanh(v); };
  CHECK(worst_relative(
            tanh_, [](double x) { return std::tanh(x); }, -12, 12, 2000000) <= 4e-7);
  CHECK(worst_relative(
            tanh_, [](double x) { return std::tanh(x); }, -1e-3, 1e-3, 10000) <= 4e-7);
  // Of erfc's exponent z² + 1.3 each part is rounded, so its relative error grows with it.
  const auto erfc_ = [](ScalarLanes v) { return erfc(v); };
  CHECK(worst_relative(
            erfc_, [](double x) { return std::erfc(x); }, 0, 4, 1000000) <= 17 * 4 * kUnit);
}

TEST_CASE("exp at its ends") {
  const auto f = [](float x) { return at([](ScalarLanes v) { return exp(v); }, x); };
  CHECK(f(0) == 1);
  CHECK(f(-INFINITY) == 0);
  CHECK(f(-200) == 0);
  CHECK(f(1e30f) == f(88));
  CHECK(at([](ScalarLanes v) { return exp2(v); }, -INFINITY) == 0);
  CHECK(at([](ScalarLanes v) { return exp2(v); }, 0) == 1);
}

TEST_CASE("norm and activations against double") {
  const VectorKernels& k = vector_kernels(Isa::scalar);
  for (const int64_t n : {1, 15, 16, 17, 576, 1000}) {
    const std::vector<float> x = normal(static_cast<size_t>(n), 1, 4),
                             w = normal(static_cast<size_t>(n), 2);
    std::vector<float> norm(x.size()), silu(x.size()), gelu_tanh(x.size()), gelu(x.size()), cap(x);
    k.rms_norm(x.data(), w.data(), 1e-5f, n, norm.data());
    k.silu_mul(x.data(), w.data(), n, silu.data());
    k.gelu_tanh_mul(x.data(), w.data(), n, gelu_tanh.data());
    k.gelu_mul(x.data(), w.data(), n, gelu.data());
    k.softcap(30, n, cap.data());
    double squares = 0;
    for (const float v : x) squares += double{v} * v;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + double{1e-5f});
    // n / 16 additions in a lane and 4 of the tree, under a root; then five roundings.
    const double norm_bound = (static_cast<double>(n) / 32 + 2 + 5) * kUnit;
    for (size_t i = 0; i < x.size(); ++i) {
      const double v = x[i], weight = w[i], u = 0.7978845608028654 * (v + 0.044715 * v * v * v);
      INFO("n " << n << " element " << i << " x " << v);
      CHECK(std::fabs(norm[i] - v * factor * weight) <=
            norm_bound * std::fabs(v * factor * weight));
      const double silu_want = v / (1 + std::exp(-v)) * weight;
      CHECK(std::fabs(silu[i] - silu_want) <= 5e-7 * std::fabs(silu_want));
      // exp stops at e^88: where less is left it is about 0.
      const double rest = 30 * std::exp(-88.0) * std::fabs(weight);
      // The exponent 2u is rounded a few times: that much more relative error.
      const double tanh_want = v / (1 + std::exp(-2 * u)) * weight;
      CHECK(std::fabs(gelu_tanh[i] - tanh_want) <=
            (5e-7 + 8 * kUnit * std::fabs(u)) * std::fabs(tanh_want) + rest);
      // 1 - tail/2 where it does not cancel; the tail's own bound as above.
      const double gelu_want = v * 0.5 * std::erfc(-v / std::sqrt(2.0)) * weight;
      const double tail = v < 0 ? (1e-6 + 4 * kUnit * v * v) * std::fabs(gelu_want) : 0;
      CHECK(std::fabs(gelu[i] - gelu_want) <=
            tail + 1e-6 * std::fabs(v * weight) * (v < 0 ? 0 : 1));
      const double cap_want = 30 * std::tanh(v / 30);
      CHECK(std::fabs(cap[i] - cap_want) <= 6e-7 * std::fabs(cap_want));
    }
  }
}

TEST_CASE("rope turns pairs and leaves the rest of a head") {
  const VectorKernels& k = vector_kernels(Isa::scalar);
  for (const int rope_dim : {8, 20, 36}) {
    const int head_dim = 36;
    const std::vector<float> x = normal(static_cast<size_t>(3 * head_dim), 5);
    const std::vector<float> got = rope_outputs(k, head_dim, rope_dim);
    for (const bool half : {true, false}) {
      for (int i = 0; i < 3 * head_dim; ++i) {
        const int e = i % head_dim, pairs = rope_dim / 2;
        double want = x[static_cast<size_t>(i)], bound = 0;
        if (e < rope_dim) {
          const int pair = half ? e % pairs : e / 2;
          const bool first = half ? e < pairs : e % 2 == 0;
          const int partner = i + (first ? 1 : -1) * (half ? pairs : 1);
          const double c = static_cast<float>(std::cos(0.3 * pair + 1));
          const double s = static_cast<float>(std::sin(0.3 * pair + 1));
          const double other = x[static_cast<size_t>(partner)];
          bound = 2 * kUnit * (std::fabs(want) + std::fabs(other));
          want = first ? want * c - other * s : want * c + other * s;
        }
        INFO("half " << half << " rope_dim " << rope_dim << " element " << i);
        CHECK(std::fabs(got[static_cast<size_t>(i + (half ? 0 : 3 * head_dim))] - want) <= bound);
      }
    }
  }
}

TEST_CASE("every instruction set gives the scalar bits") {
  const VectorKernels& scalar = vector_kernels(Isa::scalar);
  for (const Isa isa : available_isas()) {
    const VectorKernels& k = vector_kernels(isa);
    INFO(name(isa));
    for (int64_t n = 1; n < 70; ++n) {
      INFO("n " << n);
      REQUIRE(same_bits(all_outputs(k, n, 7), all_outputs(scalar, n, 7)));
    }
    REQUIRE(same_bits(all_outputs(k, 4096, 9), all_outputs(scalar, 4096, 9)));
    for (const int rope_dim : {2, 8, 20, 32, 64, 66}) {
      REQUIRE(same_bits(rope_outputs(k, 70, rope_dim), rope_outputs(scalar, 70, rope_dim)));
    }
  }
}

TEST_CASE("the highest of a row, and the sum of exponentials against double") {
  const VectorKernels& k = vector_kernels(chosen_isa());
  for (const size_t n : {1, 15, 17, 255, 256, 257, 5000}) {
    const std::vector<float> x = normal(n, 3, 4);
    const auto size = static_cast<int64_t>(n);
    int64_t at = -1;
    const float top = k.highest(x.data(), size, &at);
    CHECK(at == std::max_element(x.begin(), x.end()) - x.begin());
    CHECK(top == x[static_cast<size_t>(at)]);
    double want = 0;
    for (const float v : x) want += std::exp(double{v} - top);
    // exp is good to 2e-7, its argument of up to 30 is rounded; 20 additions in fp32.
    CHECK(std::fabs(k.sum_exp(x.data(), top, size) - want) <= (2e-7 + 50 * kUnit) * want);
  }
}

TEST_CASE("a row with infinities and NaN") {
  for (const Isa isa : available_isas()) {
    const VectorKernels& k = vector_kernels(isa);
    const float row[] = {-INFINITY, 3, 3, -1000, 2};
    int64_t at = -1;
    CHECK(k.highest(row, 5, &at) == 3);
    CHECK(at == 1);
    CHECK(k.sum_exp(row, 3, 5) == Approx(2 + std::exp(-1.0)));
    const float spoiled[] = {1, NAN, 3};
    CHECK(k.highest(spoiled, 3, &at) == 3);
    CHECK(std::isnan(k.sum_exp(spoiled, 3, 3)));
    const float none[] = {NAN, NAN};
    CHECK(k.highest(none, 2, &at) == -INFINITY);
    CHECK(at == 0);
  }
}

TEST_CASE("stored keys and values are the numbers, rounded and finite, on every instruction set") {
  for (const Isa isa : available_isas()) {
    const VectorKernels& k = vector_kernels(isa);
    for (const KvType type : {KvType::half, KvType::single}) {
      for (const int head_dim : {1, 16, 20, 64}) {
        const auto size = static_cast<size_t>(kKvPage * padded_head_dim(head_dim) * 4);
        std::vector<std::byte> k_page(size), v_page(size), k_want(size), v_want(size);
        for (const int slot : {0, 5, 63}) {
          std::vector<float> key = normal(static_cast<size_t>(head_dim), 3, 1000);
          std::vector<float> value = normal(static_cast<size_t>(head_dim), 4, 1e-6f);
          key[0] = slot == 5 ? INFINITY : NAN;
          value[0] = slot == 5 ? 65519 : -1e30f;
          k.store_kv(type, key.data(), value.data(), head_dim, slot, k_page.data(), v_page.data());
          vector_kernels(Isa::scalar)
              .store_kv(type, key.data(), value.data(), head_dim, slot, k_want.data(),
                        v_want.data());
        }
        REQUIRE(k_page == k_want);
        REQUIRE(v_page == v_want);
      }
    }
  }
  // What the scalar one stores: position 1 of key row 0, of a page of 1-wide heads.
  std::vector<std::byte> k_page(kKvPage * 2), v_page(kKvPage * 16 * 2);
  const float key = 1.0f + 0x1p-11f, value = 1e9f;  // halfway: to even
  vector_kernels(Isa::scalar)
      .store_kv(KvType::half, &key, &value, 1, 1, k_page.data(), v_page.data());
  uint16_t bits[2];
  std::memcpy(&bits[0], k_page.data() + 2, 2);
  std::memcpy(&bits[1], v_page.data() + 32, 2);
  CHECK(bits[0] == 0x3c00);
  CHECK(bits[1] == 0x7bff);
}

}  // namespace nalar::kernels
