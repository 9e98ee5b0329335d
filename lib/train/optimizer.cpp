#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

namespace nalar::train {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr float kEpsilon = 1e-8f;

// What a value keeps of itself before the step.
float kept(const Parameter& parameter, const StepOptions& options) {
  const bool decays = parameter.shape.size() >= 2;
  return decays ? static_cast<float>(1 - options.lr * options.weight_decay) : 1.0f;
}

}  // namespace

Moments initial_moments(Optimizer optimizer, std::span<const Parameter> parameters) {
  Moments moments;
  if (optimizer == Optimizer::sgd) return moments;
  for (const Parameter& p : parameters) {
    moments.m.emplace_back(p.value.size(), 0.0f);
    moments.v.emplace_back(p.value.size(), 0.0f);
  }
  return moments;
}

double gradient_norm(std::span<const Parameter> parameters) {
  double sum = 0;
  for (const Parameter& p : parameters) {
    for (const float g : p.gradient) sum += static_cast<double>(g) * static_cast<double>(g);
  }
  return std::sqrt(sum);
}

void clip_gradients(std::span<Parameter> parameters, double norm, double most) {
  if (most == 0) return;
  const double factor = most / (norm + 1e-6);
  if (factor >= 1) return;
  for (Parameter& p : parameters) {
    for (float& g : p.gradient) g *= static_cast<float>(factor);
  }
}

void adamw_step(std::span<Parameter> parameters, Moments& moments, const StepOptions& options) {
  const auto step = static_cast<double>(options.step);
  const auto step_size = static_cast<float>(options.lr / (1 - std::pow(kBeta1, step)));
  const auto v_correction = static_cast<float>(std::sqrt(1 - std::pow(kBeta2, step)));
  constexpr auto take1 = static_cast<float>(1 - kBeta1);
  constexpr auto keep2 = static_cast<float>(kBeta2);
  constexpr auto take2 = static_cast<float>(1 - kBeta2);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    const float keep = kept(p, options);
    float* w = p.value.data();
    const float* g = p.gradient.data();
    float* m = moments.m[i].data();
    float* v = moments.v[i].data();
    for (size_t e = 0, n = p.value.size(); e < n; ++e) {
      m[e] += take1 * (g[e] - m[e]);
      v[e] = v[e] * keep2 + take2 * g[e] * g[e];
      const float denominator = std::sqrt(v[e]) / v_correction + kEpsilon;
      w[e] = w[e] * keep - step_size * m[e] / denominator;
    }
  }
}

void sgd_step(std::span<Parameter> parameters, const StepOptions& options) {
  const auto lr = static_cast<float>(options.lr);
  for (const Parameter& p : parameters) {
    const float keep = kept(p, options);
    for (size_t e = 0; e < p.value.size(); ++e) {
      p.value[e] = p.value[e] * keep - lr * p.gradient[e];
    }
  }
}

}  // namespace nalar::train
