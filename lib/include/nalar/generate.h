#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nalar/engine.h>
#include <nalar/export.h>
#include <nalar/sampler.h>
#include <nalar/tokenizer.h>

namespace nalar {

enum class Overflow {
  error,     // the prompt and what is generated must fit the context
  shift,     // when full, the oldest half after the first tokens is dropped and the rest computed again
  truncate,  // a prompt that is too long loses its beginning; generation stops when full
};

struct GenerateOptions {
  SamplingOptions sampling;
  int max_tokens = 0;              // 0 = until the model ends or the context is full
  std::vector<std::string> stop;   // texts that end it; not part of the result
  std::vector<TokenId> end_ids;    // ids that end it
  bool ignore_eos = false;         // end_ids are never drawn
  int logprobs = -1;               // -1 = none; N = with the N best of each position
  Overflow on_overflow = Overflow::error;
};

struct TokenLogprob {
  TokenId id = 0;
  std::string token;     // its bytes, or what a control token is called
  float logprob = 0;     // natural, of the model's own distribution: before bias, penalties and temperature
};

struct TokenScore : TokenLogprob {
  std::vector<TokenLogprob> top;  // best first
};

enum class FinishReason { stop, length, eos, cancelled };
NALAR_API std::string_view name(FinishReason reason) noexcept;

struct TokenEvent {
  TokenId id;
  std::string_view text;           // new text that is certain not to belong to a stop string; may be empty
  const TokenScore* score;         // nullptr unless asked for
};
// Returns false to stop.
using TokenCallback = std::function<bool(const TokenEvent&)>;

struct GenerateTimings {
  double prompt_s = 0;
  double generate_s = 0;
};

struct GenerateResult {
  std::string text;
  FinishReason finish_reason = FinishReason::length;
  std::vector<TokenId> tokens;     // generated, the ending id included
  std::vector<TokenScore> logprobs;
  int prompt_tokens = 0;           // in the context, the reused ones included
  int reused_tokens = 0;
  GenerateTimings timings;
};

// The ids that end an answer: the tokenizer's and the model's, and those that its adapters were
// trained to end with.
NALAR_API std::vector<TokenId> end_tokens(const Tokenizer& tokenizer, const ModelConfig& config,
                                          const std::vector<AdapterUse>& adapters);

// Generates in one sequence that it keeps: a later prompt that begins with what the sequence holds goes
// on from there (a chat's next turn).
class NALAR_API Generator {
 public:
  // `sequence`: with the adapters of the engine or without.
  Generator(Engine& engine, std::shared_ptr<const Tokenizer> tokenizer,
            const SequenceOptions& sequence = {});
  ~Generator();

  // Errors: usage (empty prompt, prompt over the context with Overflow::error, options out of range).
  GenerateResult generate(const std::vector<TokenId>& prompt, const GenerateOptions& options,
                          const TokenCallback& on_token = {});
  // Forgets the sequence.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nalar
