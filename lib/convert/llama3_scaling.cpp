#include "convert/llama3_scaling.h"

#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/rope_frequencies.h"

namespace nalar::convert {
namespace {

constexpr double kTwoPi = 2 * 3.14159265358979323846;
constexpr double kPrecision = 1e-5;  // of factors that were computed in single precision

bool gives(const RopeSpec& rope, const RopeScaling& scaling) {
  RopeSpec plain = rope, scaled = rope;
  plain.scaling = {};
  scaled.scaling = scaling;
  const std::vector<float> whole = model::rope_frequencies(plain).inverse;
  const std::vector<float> got = model::rope_frequencies(scaled).inverse;
  for (size_t i = 0; i < got.size(); ++i) {
    const double want = static_cast<double>(whole[i]) / rope.scaling.freq_factors[i];
    if (std::abs(got[i] - want) > kPrecision * want) return false;
  }
  return true;
}

struct Point {
  double turns;   // frequency / 2π: turns a position
  double smooth;  // from 0, stretched, to 1, as it was
};

// The pairs that are blended: 1 / f = (1 - s) / factor + s.
std::vector<Point> blended(const RopeSpec& rope, double factor) {
  std::vector<Point> points;
  const std::vector<float>& factors = rope.scaling.freq_factors;
  for (size_t i = 0; i < factors.size(); ++i) {
    if (factors[i] <= 1 || factors[i] >= factor) continue;
    const double frequency = std::pow(rope.theta, -2.0 * static_cast<double>(i) / rope.rope_dim);
    points.push_back({frequency / kTwoPi,
                      (1 / static_cast<double>(factors[i]) - 1 / factor) / (1 - 1 / factor)});
  }
  return points;
}

}  // namespace

RopeScaling llama3_scaling(const RopeSpec& rope, std::optional<int64_t> original_context) {
  const std::vector<float>& factors = rope.scaling.freq_factors;
  RopeScaling scaling;
  scaling.kind = RopeScalingKind::llama3;
  scaling.factor = *std::max_element(factors.begin(), factors.end());
  scaling.original_context = original_context.value_or(8192);
  if (gives(rope, scaling)) return scaling;
  // s = (context · turns - low) / (high - low), a line over the turns; low is 1 in every model.
  const std::vector<Point> points = blended(rope, scaling.factor);
  const auto try_width = [&](double width, const Point& point) {  // width = high - low
    scaling.high_freq_factor = std::round((1 + width) * 1000) / 1000;
    scaling.original_context = std::llround((width * point.smooth + 1) / point.turns);
    return scaling.original_context > 0 && gives(rope, scaling);
  };
  if (!points.empty() && try_width(3, points.front())) return scaling;
  if (points.size() >= 2) {
    const Point &a = points.front(), &b = points.back();
    const double slope = (a.smooth - b.smooth) / (a.turns - b.turns);
    if (try_width(1 / (slope * a.turns - a.smooth), a)) return scaling;
  }
  throw Error(ErrorKind::bad_data,
              "tensor rope_freqs.weight: no parameters of llama3's scaling give these factors, and "
              "transformers has no other form for them");
}

}  // namespace nalar::convert
