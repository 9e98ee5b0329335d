#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/generate.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "generate/cached_sequence.h"
#include "generate/context_plan.h"
#include "generate/stop_matcher.h"
#include "generate/token_scores.h"

namespace nalar {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void validate(const GenerateOptions& options) {
  options.sampling.validate();
  if (options.max_tokens < 0) {
    throw Error(ErrorKind::usage,
                fmt::format("--max-tokens: got {}, need 0 or more", options.max_tokens));
  }
  if (options.logprobs < -1) {
    throw Error(ErrorKind::usage,
                fmt::format("--logprobs: got {}, need 0 or more", options.logprobs));
  }
}

}  // namespace

std::string_view name(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::eos:
      return "eos";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "?";
}

namespace {

// One call of Generator::generate.
class Run {
 public:
  Run(generate::CachedSequence& cache, const Engine& engine,
      std::shared_ptr<const Tokenizer> tokenizer, const GenerateOptions& options)
      : cache_(cache),
        n_ctx_(static_cast<size_t>(engine.n_ctx())),
        tokenizer_(std::move(tokenizer)),
        options_(options),
        sampler_(options.sampling),
        decoder_(tokenizer_),
        stops_(options.stop) {}

  GenerateResult generate(const std::vector<TokenId>& prompt, const TokenCallback& on_token);

 private:
  // The next token; its score goes into the result.
  TokenId choose();
  // Takes a token into the text; says why it is the last one, if it is.
  std::optional<FinishReason> take(TokenId id, std::string& text);
  bool context_is_full() const {
    return options_.on_overflow != Overflow::shift && context_.size() >= n_ctx_;
  }
  void advance(TokenId id);

  generate::CachedSequence& cache_;
  size_t n_ctx_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  const GenerateOptions& options_;
  Sampler sampler_;
  StreamDecoder decoder_;
  generate::StopMatcher stops_;
  std::vector<TokenId> history_;  // all tokens, for the penalties and the position of a draw
  std::vector<TokenId> context_;  // those of them that the model sees
  GenerateResult result_;
};

GenerateResult Run::generate(const std::vector<TokenId>& prompt, const TokenCallback& on_token) {
  const auto start = Clock::now();
  context_ = generate::fit_prompt(prompt, n_ctx_, options_, tokenizer_->special().bos);
  history_ = context_;
  result_.prompt_tokens = static_cast<int>(context_.size());
  result_.reused_tokens = static_cast<int>(cache_.hold(context_));
  result_.timings.prompt_s = seconds_since(start);

  const auto prompt_end = Clock::now();
  for (std::optional<FinishReason> finish; !finish;) {
    const TokenId id = choose();
    std::string text;
    finish = take(id, text);
    result_.text += text;
    const TokenScore* score = result_.logprobs.empty() ? nullptr : &result_.logprobs.back();
    const bool go_on = !on_token || on_token({id, text, score});
    if (!go_on && !finish) {
      result_.text += stops_.push(decoder_.finish()) + stops_.finish();
      finish = FinishReason::cancelled;
    }
    if (finish) {
      result_.finish_reason = *finish;
    } else {
      advance(id);
    }
  }
  result_.timings.generate_s = seconds_since(prompt_end);
  return std::move(result_);
}

TokenId Run::choose() {
  std::span<float> logits = cache_.logits();
  std::optional<generate::TokenScores> scores;
  if (options_.logprobs >= 0) scores.emplace(logits, *tokenizer_);
  logits = logits.first(std::min(logits.size(), static_cast<size_t>(tokenizer_->n_tokens())));
  if (options_.ignore_eos) {
    for (const TokenId id : options_.end_ids) {
      if (id >= 0 && static_cast<size_t>(id) < logits.size()) {
        logits[static_cast<size_t>(id)] = -std::numeric_limits<float>::infinity();
      }
    }
  }
  const TokenId id = sampler_.sample(history_, logits);
  if (scores) result_.logprobs.push_back(scores->score(id, options_.logprobs));
  return id;
}

std::optional<FinishReason> Run::take(TokenId id, std::string& text) {
  result_.tokens.push_back(id);
  const auto& ends = options_.end_ids;
  const bool is_end = std::find(ends.begin(), ends.end(), id) != ends.end();
  if (!is_end) text = stops_.push(decoder_.push(id));
  if (stops_.matched()) return FinishReason::stop;
  const bool is_full =
      static_cast<int>(result_.tokens.size()) == options_.max_tokens || context_is_full();
  if (!is_end && !is_full) return std::nullopt;
  text += stops_.push(decoder_.finish());
  if (stops_.matched()) return FinishReason::stop;
  text += stops_.finish();
  return is_end ? FinishReason::eos : FinishReason::length;
}

void Run::advance(TokenId id) {
  history_.push_back(id);
  context_.push_back(id);
  if (context_.size() > n_ctx_) context_ = generate::shifted(context_);
  cache_.hold(context_);
}

}  // namespace

std::vector<TokenId> end_tokens(const Tokenizer& tokenizer, const ModelConfig& config,
                                const std::vector<AdapterUse>& adapters) {
  std::vector<TokenId> ids = tokenizer.special().end;
  ids.insert(ids.end(), config.generation.eos_ids.begin(), config.generation.eos_ids.end());
  for (const AdapterUse& use : adapters) {
    ids.insert(ids.end(), use.adapter->end_tokens().begin(), use.adapter->end_tokens().end());
  }
  return ids;
}

struct Generator::Impl {
  Engine& engine;
  std::shared_ptr<const Tokenizer> tokenizer;
  generate::CachedSequence cache;
};

Generator::Generator(Engine& engine, std::shared_ptr<const Tokenizer> tokenizer,
                     const SequenceOptions& sequence)
    : impl_(new Impl{engine, std::move(tokenizer), generate::CachedSequence(engine, sequence)}) {}

Generator::~Generator() = default;

GenerateResult Generator::generate(const std::vector<TokenId>& prompt,
                                   const GenerateOptions& options, const TokenCallback& on_token) {
  validate(options);
  return Run(impl_->cache, impl_->engine, impl_->tokenizer, options).generate(prompt, on_token);
}

void Generator::reset() { impl_->cache.clear(); }

}  // namespace nalar
