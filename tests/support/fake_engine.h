#pragma once

#include <nalar/engine.h>
#include <nalar/error.h>

#include <functional>
#include <map>
#include <vector>

namespace nalar::test {

// An engine whose logits are a function of all tokens that a sequence holds: a loop that forgets,
// repeats or misplaces one gets other logits than one that computes everything anew.
class FakeEngine : public Engine {
 public:
  // Fills logits [V] for a sequence that ends where they are wanted.
  using Model = std::function<void(std::span<const TokenId> tokens, std::span<float> logits)>;

  FakeEngine(int vocab_size, int n_ctx, Model model) : n_ctx_(n_ctx), model_(std::move(model)) {
    config_.vocab_size = vocab_size;
    config_.n_ctx_train = n_ctx;
  }

  SequenceId create(const SequenceOptions& /*options*/ = {}) override {
    const SequenceId id{next_++};
    sequences_[id];
    return id;
  }
  SequenceId fork(SequenceId from, int n_tokens) override {
    const std::vector<TokenId> tokens = sequences_.at(from);
    const SequenceId id = create();
    sequences_[id].assign(tokens.begin(), tokens.begin() + n_tokens);
    return id;
  }
  void truncate(SequenceId sequence, int n_tokens) override {
    std::vector<TokenId>& tokens = sequences_.at(sequence);
    if (n_tokens < 0 || static_cast<size_t>(n_tokens) > tokens.size()) {
      throw Error(ErrorKind::internal, "truncate beyond the end");
    }
    tokens.resize(static_cast<size_t>(n_tokens));
  }
  void release(SequenceId sequence) override { sequences_.erase(sequence); }
  int length(SequenceId sequence) const override {
    return static_cast<int>(sequences_.at(sequence).size());
  }

  void forward(std::span<const Slice> slices, MatrixView<float> logits) override {
    int64_t row = 0;
    for (const Slice& slice : slices) {
      std::vector<TokenId>& tokens = sequences_.at(slice.sequence);
      if (tokens.size() + slice.tokens.size() > static_cast<size_t>(n_ctx_)) {
        throw Error(ErrorKind::usage, "the sequence is full");
      }
      const size_t before = tokens.size();
      tokens.insert(tokens.end(), slice.tokens.begin(), slice.tokens.end());
      forwarded_ += static_cast<int>(slice.tokens.size());
      for (const int32_t at : slice.logit_rows) {
        model_(std::span(tokens).first(before + static_cast<size_t>(at) + 1),
               {logits.row(row++), static_cast<size_t>(config_.vocab_size)});
      }
    }
  }

  void observe(LinearObserver* /*observer*/) override {}
  const ModelConfig& config() const override { return config_; }
  MemoryUse memory() const override { return {}; }
  int threads() const override { return 1; }
  int n_ctx() const override { return n_ctx_; }

  int forwarded() const { return forwarded_; }  // tokens computed so far
  size_t n_sequences() const { return sequences_.size(); }

 private:
  ModelConfig config_;
  int n_ctx_;
  Model model_;
  int next_ = 0;
  int forwarded_ = 0;
  std::map<SequenceId, std::vector<TokenId>> sequences_;
};

// Logits in [-4, 4) that depend on every token and its place.
inline void hashed_logits(std::span<const TokenId> tokens, std::span<float> logits) {
  uint64_t hash = 1469598103934665603u;
  for (const TokenId t : tokens) hash = (hash ^ static_cast<uint64_t>(t)) * 1099511628211u;
  for (float& x : logits) {
    hash = hash * 6364136223846793005u + 1442695040888963407u;
    x = static_cast<float>(hash >> 40) / static_cast<float>(1 << 21) - 4;
  }
}

// A model that says `answer`, one token after the other, after a prompt of n_prompt tokens; then it
// goes on with the last one.
inline FakeEngine::Model scripted(std::vector<TokenId> answer, size_t n_prompt) {
  return [answer = std::move(answer), n_prompt](std::span<const TokenId> tokens,
                                                std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), 0.0f);
    const size_t at = std::min(tokens.size() - n_prompt, answer.size() - 1);
    logits[static_cast<size_t>(answer[at])] = 100;
  };
}

}  // namespace nalar::test
