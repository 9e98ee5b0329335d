#pragma once

#include <nalar/tokenizer.h>

#include <string>
#include <utility>
#include <vector>

#include "data/example.h"

namespace nalar::data {

// One long text cut into rows of max_length tokens, each with BOS in front where the tokenizer adds
// one, the last with EOS behind; every token is learned. With each the line where it begins, from 1
// (0: not known, where the tokenizer changes the text). Neighbours share nothing. Spellings of
// control tokens count.
std::vector<std::pair<Example, int64_t>> cut_text(const std::string& text,
                                                  const Tokenizer& tokenizer, int max_length);

}  // namespace nalar::data
