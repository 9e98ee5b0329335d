#include "tokenizer/end_tokens.h"

#include <array>

namespace nalar::tokenizer {

std::vector<TokenId> end_tokens_by_spelling(const Vocab& vocab) {
  constexpr std::array<std::string_view, 16> kSpellings = {
      "<|eot_id|>",
      "<|im_end|>",
      "<|end|>",
      "<|return|>",
      "<|call|>",
      "<end_of_turn>",
      "<|endoftext|>",
      "<|eom_id|>",
      "<EOT>",
      "_<EOT>",
      "[EOT]",
      "[EOS]",
      "<|end_of_text|>",
      "<end_of_utterance>",
      "<\uff5cend\u2581of\u2581sentence\uff5c>",
      "<turn|>"};
  // In the harmony format <|end|> closes a message, not the turn.
  const bool harmony = vocab.find("<|return|>") != kNoToken && vocab.find("<|call|>") != kNoToken;
  std::vector<TokenId> ids;
  for (const std::string_view spelling : kSpellings) {
    if (harmony && spelling == "<|end|>") continue;
    const TokenId id = vocab.find(spelling);
    if (id != kNoToken) ids.push_back(id);
  }
  return ids;
}

}  // namespace nalar::tokenizer
