#pragma once

#include <nalar/tokenizer.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::data {

// Which bytes of `text` each of its ids stands for, ascending. A token that stands for none (BOS,
// the space that SentencePiece puts in front) is empty at its place; white space that a control
// token swallows belongs to none. nullopt where the tokenizer changed the text so that this cannot
// be told (characters composed, an unknown one).
std::optional<std::vector<TextRange>> token_ranges(std::string_view text,
                                                   std::span<const TokenId> ids,
                                                   const Tokenizer& tokenizer);

// The text as the tokenizer sees it: encoded and decoded.
std::string as_decoded(std::string_view text, const Tokenizer& tokenizer);

// Which tokens to learn, of the bytes to learn (ascending, apart): a token with any byte of them,
// since it cannot be predicted in part; an empty one whose place is within.
std::vector<uint8_t> learned_tokens(std::span<const TextRange> tokens,
                                    std::span<const TextRange> learned);

}  // namespace nalar::data
