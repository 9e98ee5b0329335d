#pragma once

#include <vector>

#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// Tokens whose spelling says that a turn or a text ends ("<|im_end|>", "<end_of_turn>", …): many
// files name only one of their model's end tokens.
std::vector<TokenId> end_tokens_by_spelling(const Vocab& vocab);

}  // namespace nalar::tokenizer
