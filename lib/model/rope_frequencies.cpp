#include "model/rope_frequencies.h"

#include <algorithm>
#include <cmath>

namespace nalar::model {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Long waves are stretched by `factor`, short ones stay, those between are blended.
double llama3_frequency(const RopeScaling& scaling, double frequency) {
  const double context = static_cast<double>(scaling.original_context);
  const double turns = context * frequency / (2 * kPi);  // within the original context
  if (turns > scaling.high_freq_factor) return frequency;
  if (turns < scaling.low_freq_factor) return frequency / scaling.factor;
  const double smooth =
      (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - smooth) * frequency / scaling.factor + smooth * frequency;
}

// The pairs between which YaRN goes over from "as it was" to "stretched": first and last of the
// ramp.
struct Ramp {
  double low;
  double high;
};

Ramp yarn_ramp(const RopeSpec& spec) {
  const RopeScaling& scaling = spec.scaling;
  // The pair that turns `rotations` times within the original context.
  const auto pair_of = [&](double rotations) {
    const double context = static_cast<double>(scaling.original_context);
    return spec.rope_dim * std::log(context / (rotations * 2 * kPi)) / (2 * std::log(spec.theta));
  };
  Ramp ramp{pair_of(scaling.beta_fast), pair_of(scaling.beta_slow)};
  if (scaling.truncate) ramp = {std::floor(ramp.low), std::ceil(ramp.high)};
  ramp.low = std::max(ramp.low, 0.0);
  ramp.high = std::min(ramp.high, spec.rope_dim - 1.0);
  if (ramp.low == ramp.high) ramp.high += 0.001;
  return ramp;
}

double scaled_frequency(const RopeSpec& spec, int pair, double frequency) {
  const RopeScaling& scaling = spec.scaling;
  switch (scaling.kind) {
    case RopeScalingKind::linear:
      return frequency / scaling.factor;
    case RopeScalingKind::llama3:
      return llama3_frequency(scaling, frequency);
    case RopeScalingKind::yarn: {
      const Ramp ramp = yarn_ramp(spec);
      const double stretched = std::clamp((pair - ramp.low) / (ramp.high - ramp.low), 0.0, 1.0);
      return frequency / scaling.factor * stretched + frequency * (1 - stretched);
    }
    case RopeScalingKind::none:
    case RopeScalingKind::longrope:
      break;
  }
  return frequency;
}

}  // namespace

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

RopeFrequencies rope_frequencies(const RopeSpec& spec) {
  RopeFrequencies result;
  result.attention_factor = static_cast<float>(spec.scaling.attention_factor);
  const std::vector<float>& factors = spec.scaling.freq_factors;
  for (int pair = 0; pair < spec.rope_dim / 2; ++pair) {
    double frequency = std::pow(spec.theta, -2.0 * pair / spec.rope_dim);
    frequency = scaled_frequency(spec, pair, frequency);
    if (!factors.empty()) frequency /= factors[static_cast<size_t>(pair)];
    result.inverse.push_back(static_cast<float>(frequency));
  }
  return result;
}

}  // namespace nalar::model
