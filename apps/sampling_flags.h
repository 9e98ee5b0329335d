#pragma once

#include <nalar/model_config.h>
#include <nalar/sampler.h>
#include <nalar/tokenizer.h>

#include "option_set.h"

namespace nalar::apps {

struct SamplingFlags {
  std::optional<float> temperature, top_p, min_p, typical_p;
  std::optional<float> repeat_penalty, presence_penalty, frequency_penalty;
  std::optional<int> top_k, repeat_last_n;
  std::optional<uint64_t> seed;
  std::vector<std::string> logit_bias;  // "ID=B"
  bool greedy = false;
};

void declare_sampling_flags(OptionSet& options, SamplingFlags& flags);

// The settings in force: the command line, else the configuration file, else the model's own, else
// built in.
struct Sampling {
  SamplingOptions options;
  // A line a setting: "temperature 0.8 (built in)".
  std::vector<std::string> origins;
};
// Errors: usage.
Sampling resolve(const SamplingFlags& flags, const OptionSet& set, const GenerationDefaults& model,
                 const Tokenizer& tokenizer);

}  // namespace nalar::apps
