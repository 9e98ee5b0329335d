#pragma once

#include <nalar/eval.h>

#include <functional>
#include <span>
#include <vector>

#include "eval/logit_stream.h"

namespace nalar::eval {

// Tokens that a model reads, and those of them whose prediction is looked at.
struct Passage {
  std::span<const TokenId> tokens;
  std::vector<int32_t> targets;  // rising positions in `tokens`, from 1
};

// A token as the model predicted it.
struct TokenScore {
  double logprob = 0;
  double z = 0;  // (ln p − μ) / σ over the vocabulary: what Min-K%++ averages
  bool greedy = false;
};

// Told how many passages are done.
using PassagesDone = std::function<void(size_t)>;

// The scores of each passage's targets. How passages are batched changes no bit of them.
std::vector<std::vector<TokenScore>> score_passages(LogitStream& stream,
                                                    const SequenceOptions& options,
                                                    std::span<const Passage> passages,
                                                    int batch_tokens, const PassagesDone& done);

// What a model is asked to go on with, and for how many tokens at most.
struct GreedyPrompt {
  std::span<const TokenId> tokens;  // one or more
  size_t n = 0;
};
// Its first choices, one after the other, up to n or one of `ends`, which is left out.
std::vector<std::vector<TokenId>> continue_greedily(LogitStream& stream,
                                                    const SequenceOptions& options,
                                                    std::span<const GreedyPrompt> prompts,
                                                    std::span<const TokenId> ends,
                                                    const PassagesDone& done);

}  // namespace nalar::eval
