#include "train/optimizer.h"

#include <cmath>

#include "support/catch.h"

namespace nalar::train {
namespace {

// A matrix [2, 3] and a vector [2].
struct TwoTensors {
  std::vector<float> w = {0.5f, -1.0f, 2.0f, 0.25f, 0.0f, -3.0f};
  std::vector<float> b = {1.0f, -0.5f};
  std::vector<float> dw = std::vector<float>(6), db = std::vector<float>(2);
  std::vector<Parameter> parameters = {{"w", {2, 3}, w, dw}, {"b", {2}, b, db}};

  void set_gradients(int step) {
    const auto g = [&](int e) { return static_cast<float>((step * 7 + e * 5) % 11 - 5) / 8; };
    for (int e = 0; e < 6; ++e) dw[static_cast<size_t>(e)] = g(e);
    for (int e = 0; e < 2; ++e) db[static_cast<size_t>(e)] = g(e + 6);
  }
};

void check_close(const std::vector<float>& got, const std::vector<float>& need) {
  for (size_t e = 0; e < need.size(); ++e) {
    // Five updates that each round a value of this size a few times, and move it by at most 0.01.
    CHECK(std::abs(got[e] - need[e]) <= 5 * 0x1p-23f * std::abs(need[e]) + 5 * 0x1p-23f * 0.01f);
  }
}

TEST_CASE("five updates of AdamW are those of torch") {
  // torch::optim::AdamW of LibTorch 2.15, the same gradients, lr 0.01 / step.
  const double weight_decay = GENERATE(0.1, 0.0);
  const std::vector<float> decayed = {0.485717833f, -0.984790266f,  1.98688269f,
                                      0.262202561f, 0.00538851507f, -3.00982118f};
  const std::vector<float> plain = {0.486844867f, -0.987057924f,  1.99143422f,
                                    0.262787759f, 0.00539163128f, -3.01668167f};
  TwoTensors t;
  Moments moments = initial_moments(Optimizer::adamw, t.parameters);
  for (int step = 1; step <= 5; ++step) {
    t.set_gradients(step);
    adamw_step(t.parameters, moments,
               {.lr = 0.01 / step, .weight_decay = weight_decay, .step = step});
  }
  check_close(t.w, weight_decay > 0 ? decayed : plain);
  check_close(t.b, {1.01676047f, -0.513772786f});  // a vector does not decay
}

TEST_CASE("an update is the same for an element wherever it stands") {
  // The compiler may take several elements at once; those at the end it takes alone.
  constexpr size_t kMany = 37;
  std::vector<float> w(kMany, 0.7f), dw(kMany, -0.3f);
  std::vector<Parameter> parameters = {{"w", {1, kMany}, w, dw}};
  Moments moments = initial_moments(Optimizer::adamw, parameters);
  for (int step = 1; step <= 3; ++step) {
    adamw_step(parameters, moments, {.lr = 0.1, .weight_decay = 0.1, .step = step});
  }
  for (const float x : w) CHECK(x == w[0]);
}

TEST_CASE("SGD goes down the gradient and decays matrices") {
  TwoTensors t;
  t.set_gradients(1);
  sgd_step(t.parameters, {.lr = 0.5, .weight_decay = 0.5, .step = 1});
  const TwoTensors before;
  for (size_t e = 0; e < 6; ++e) CHECK(t.w[e] == before.w[e] * 0.75f - 0.5f * t.dw[e]);
  for (size_t e = 0; e < 2; ++e) CHECK(t.b[e] == before.b[e] - 0.5f * t.db[e]);
  CHECK(initial_moments(Optimizer::sgd, t.parameters).m.empty());
}

TEST_CASE("clipping is torch's") {
  std::vector<float> p = {3, 4}, q = {12};
  std::vector<float> none(2);
  std::vector<Parameter> parameters = {{"p", {2}, none, p}, {"q", {1}, none, q}};
  CHECK(gradient_norm(parameters) == 13);
  SECTION("a norm over the limit") {
    clip_gradients(parameters, 13, 2);
    // torch::nn::utils::clip_grad_norm_; it computes the factor in fp32.
    CHECK(p[0] == Approx(0.461538434).epsilon(0x1p-22));
    CHECK(p[1] == Approx(0.615384579).epsilon(0x1p-22));
    CHECK(q[0] == Approx(1.84615374).epsilon(0x1p-22));
  }
  SECTION("a norm below it") {
    clip_gradients(parameters, 13, 14);
    CHECK(p == std::vector<float>{3, 4});
  }
  SECTION("off") {
    clip_gradients(parameters, 13, 0);
    CHECK(q == std::vector<float>{12});
  }
}

TEST_CASE("the norm is summed in double") {
  std::vector<float> g(1000, 1e-4f);
  g[0] = 1e4f;
  std::vector<Parameter> parameters = {{"g", {1000}, {}, g}};
  // In fp32 the small ones would be lost beside 1e8.
  CHECK(gradient_norm(parameters) > 1e4 * (1 + 4e-14));
}

}  // namespace
}  // namespace nalar::train
