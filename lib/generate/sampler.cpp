#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/sampler.h>

#include <cmath>

#include "base/rng.h"
#include "generate/candidates.h"
#include "generate/logit_processors.h"

namespace nalar {
namespace {

void need(bool good, const char* option, const std::string& got, const char* range) {
  if (!good) throw Error(ErrorKind::usage, fmt::format("{}: got {}, need {}", option, got, range));
}

void need_between(float value, const char* option, float low, float high) {
  // Written so that NaN is out of range.
  need(value >= low && value <= high, option, fmt::format("{}", value),
       fmt::format("{} to {}", low, high).c_str());
}

}  // namespace

void SamplingOptions::validate() const {
  need(temperature >= 0 && std::isfinite(temperature), "--temperature",
       fmt::format("{}", temperature), "0 or more");
  need(top_k >= 0, "--top-k", fmt::format("{}", top_k), "0 or more");
  need_between(top_p, "--top-p", 0, 1);
  need_between(min_p, "--min-p", 0, 1);
  need_between(typical_p, "--typical-p", 0, 1);
  // Far wider than anything useful, and narrow enough that no logit can overflow.
  need_between(repeat_penalty, "--repeat-penalty", 0.01f, 100);
  need_between(presence_penalty, "--presence-penalty", -1000, 1000);
  need_between(frequency_penalty, "--frequency-penalty", -1000, 1000);
  need(repeat_last_n >= -1, "--repeat-last-n", fmt::format("{}", repeat_last_n),
       "-1 (all), 0 (none) or more");
  for (const auto& [id, bias] : logit_bias) {
    need(id >= 0, "--logit-bias", fmt::format("token {}", id), "0 or more");
    need(bias == -INFINITY || std::abs(bias) <= 1e6f, "--logit-bias",
         fmt::format("{} for token {}", bias, id), "-inf or -1000000 to 1000000");
  }
}

struct Sampler::Impl {
  SamplingOptions options;
  uint64_t sequence;
  std::vector<std::unique_ptr<LogitProcessor>> processors;
};

Sampler::Sampler(const SamplingOptions& options, uint64_t sequence)
    : impl_(std::make_unique<Impl>(Impl{options, sequence, {}})) {
  options.validate();
  if (!options.logit_bias.empty()) {
    impl_->processors.push_back(std::make_unique<generate::LogitBias>(options.logit_bias));
  }
  const generate::PenaltySpec penalties{options.repeat_penalty, options.presence_penalty,
                                        options.frequency_penalty, options.repeat_last_n};
  const bool penalizes =
      penalties.repeat != 1 || penalties.presence != 0 || penalties.frequency != 0;
  if (penalizes && penalties.last_n != 0) {
    impl_->processors.push_back(std::make_unique<generate::Penalties>(penalties));
  }
}

Sampler::~Sampler() = default;
Sampler::Sampler(Sampler&&) noexcept = default;

TokenId Sampler::sample(std::span<const TokenId> history, std::span<float> logits) {
  generate::check_logits(logits);
  for (const auto& processor : impl_->processors) processor->apply(history, logits);

  const SamplingOptions& options = impl_->options;
  if (options.temperature == 0 || options.top_k == 1) return generate::best_token(logits);

  std::vector<generate::Candidate> candidates =
      options.top_k > 0 ? generate::top_k(logits, static_cast<size_t>(options.top_k))
                        : generate::all_candidates(logits);
  if (options.typical_p < 1) generate::keep_typical(candidates, options.typical_p);
  if (options.top_p < 1) generate::keep_top_p(candidates, options.top_p);
  if (options.min_p > 0) generate::keep_min_p(candidates, options.min_p);
  const double u = base::uniform(options.seed, impl_->sequence, history.size());
  return generate::draw(candidates, options.temperature, u);
}

}  // namespace nalar
