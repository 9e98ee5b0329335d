#include "engine/rope.h"

#include <cmath>

namespace nalar::engine {
namespace {

bool same(const RopeSpec& a, const RopeSpec& b) {
  const RopeScaling &s = a.scaling, &t = b.scaling;
  return a.style == b.style && a.theta == b.theta && a.rope_dim == b.rope_dim && s.kind == t.kind &&
         s.factor == t.factor && s.low_freq_factor == t.low_freq_factor &&
         s.high_freq_factor == t.high_freq_factor && s.original_context == t.original_context &&
         s.freq_factors == t.freq_factors;
}

// Which of `specs` the layer's rope is, added when it is new; -1 for none.
int index_of(const std::optional<RopeSpec>& rope, std::vector<RopeSpec>& specs) {
  if (!rope) return -1;
  size_t i = 0;
  while (i < specs.size() && !same(specs[i], *rope)) ++i;
  if (i == specs.size()) specs.push_back(*rope);
  return static_cast<int>(i);
}

}  // namespace

DistinctRopes distinct_ropes(const ModelConfig& config) {
  DistinctRopes ropes;
  for (const LayerSpec& layer : config.layers) {
    ropes.of_layer.push_back(index_of(layer.attention.rope, ropes.specs));
  }
  return ropes;
}

Rope::Rope(const RopeSpec& spec, const KernelSet& kernels)
    : rope_dim_(spec.rope_dim),
      frequencies_(model::rope_frequencies(spec)),
      rotate_(spec.style == RopeStyle::half ? kernels.vector.rope_half
                                            : kernels.vector.rope_interleaved) {}

void Rope::tabulate(int32_t position, float* cos, float* sin) const {
  const double factor = frequencies_.attention_factor;
  for (size_t i = 0; i < frequencies_.inverse.size(); ++i) {
    const double angle = position * double{frequencies_.inverse[i]};
    cos[i] = static_cast<float>(std::cos(angle) * factor);
    sin[i] = static_cast<float>(std::sin(angle) * factor);
  }
}

}  // namespace nalar::engine
