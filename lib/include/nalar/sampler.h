#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nalar/export.h>
#include <nalar/model_config.h>
#include <nalar/tokenizer.h>

namespace nalar {

// How the next token is chosen. Names and meanings are llama.cpp's. Order of the chain: logit bias, penalties, top-k,
// typical-p, top-p, min-p, temperature.
struct SamplingOptions {
  float temperature = 0.8f;      // 0 = greedy: the best logit, the lowest id on a tie
  int top_k = 40;                // 0 = off
  float top_p = 0.95f;           // 1 = off
  float min_p = 0.05f;           // 0 = off
  float typical_p = 1;           // 1 = off
  float repeat_penalty = 1;      // 1 = off
  float presence_penalty = 0;    // 0 = off
  float frequency_penalty = 0;   // 0 = off
  int repeat_last_n = 64;        // tokens the penalties look back; 0 = none, -1 = all
  std::vector<std::pair<TokenId, float>> logit_bias;  // added to the logit; -inf forbids
  uint64_t seed = 0;

  // Throws Error(usage) that names the option and its range.
  NALAR_API void validate() const;
};

// A step of the chain: changes logits in place; -inf takes a token out.
class NALAR_API LogitProcessor {
 public:
  virtual ~LogitProcessor() = default;
  virtual void apply(std::span<const TokenId> history, std::span<float> logits) = 0;
};

// Draws from a counter-based generator keyed (seed, sequence, position): a row of a batch draws the same
// numbers as alone, and nothing depends on what was drawn before.
class NALAR_API Sampler {
 public:
  explicit Sampler(const SamplingOptions& options, uint64_t sequence = 0);
  ~Sampler();
  Sampler(Sampler&&) noexcept;

  // history: prompt and generated ids; its length is the position. logits [V] are changed.
  // Ids from n_tokens on (rows of the embedding without a token) are never drawn: the caller sets them -inf.
  TokenId sample(std::span<const TokenId> history, std::span<float> logits);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nalar
