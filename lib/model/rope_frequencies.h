#pragma once

#include <nalar/export.h>

#include <nalar/model_config.h>

#include <vector>

namespace nalar::model {

// What a RopeSpec comes to: position p turns pair i of a head by p * inverse[i], and cos and sin of
// that angle are multiplied by attention_factor.
struct RopeFrequencies {
  std::vector<float> inverse;  // [rope_dim / 2], radians a position
  float attention_factor = 1;
};

// Sources: rotary embeddings arXiv 2104.09864; linear arXiv 2306.15595; yarn arXiv 2309.00071;
// llama3 the published reference code of Llama 3.1. Computed in double, as transformers'
// ROPE_INIT_FUNCTIONS define it. REQUIRES a spec that ModelConfig::validate accepts.
NALAR_MODULE_API RopeFrequencies rope_frequencies(const RopeSpec& spec);

// YaRN's factor on cos and sin where the file gives none: 0.1 * mscale * ln(factor) + 1.
double yarn_magnitude(double factor, double mscale = 1);

}  // namespace nalar::model
