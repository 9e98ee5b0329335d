#pragma once

#include <nalar/sampler.h>

#include <utility>
#include <vector>

namespace nalar::generate {

// Adds to the logits of some tokens. Errors: usage for an id that the vocabulary has not.
class LogitBias : public LogitProcessor {
 public:
  explicit LogitBias(std::vector<std::pair<TokenId, float>> bias) : bias_(std::move(bias)) {}
  void apply(std::span<const TokenId> history, std::span<float> logits) override;

 private:
  std::vector<std::pair<TokenId, float>> bias_;
};

struct PenaltySpec {
  float repeat =
      1;  // divides a logit over 0 and multiplies one under 0 (Keskar et al., CTRL, 2019)
  float presence = 0;   // subtracted once
  float frequency = 0;  // subtracted as often as the token occurs
  int last_n = 64;      // tokens of the history it looks at; -1 = all
};

// Makes tokens of the latest history less probable.
class Penalties : public LogitProcessor {
 public:
  explicit Penalties(const PenaltySpec& spec) : spec_(spec) {}
  void apply(std::span<const TokenId> history, std::span<float> logits) override;

 private:
  PenaltySpec spec_;
  std::vector<TokenId> window_;
};

}  // namespace nalar::generate
