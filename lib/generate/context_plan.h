#pragma once

#include <nalar/generate.h>

#include <vector>

namespace nalar::generate {

// Tokens at the beginning that a shift keeps: attention leans on the first few whatever they say
// (Xiao et al., "Efficient streaming language models with attention sinks", ICLR 2024).
inline constexpr size_t kKeptAtStart = 4;

// What remains of `ids` when the context is full: the first kKeptAtStart and the newer half of the
// rest.
std::vector<TokenId> shifted(const std::vector<TokenId>& ids);

// The prompt as it goes into a context of n_ctx tokens, cut as options.on_overflow says; at least
// one token can be generated after it. `bos` is kept at the front where the prompt begins with it.
// Errors: usage when it is empty, or does not fit with Overflow::error (nor with max_tokens behind
// it).
std::vector<TokenId> fit_prompt(const std::vector<TokenId>& prompt, size_t n_ctx,
                                const GenerateOptions& options, std::optional<TokenId> bos);

}  // namespace nalar::generate
