#include "data/token_ranges.h"

#include <algorithm>

namespace nalar::data {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

// Where `piece` begins at or after `at`, past white space alone.
std::optional<size_t> find_past_blank(std::string_view text, size_t at, std::string_view piece) {
  for (;; ++at) {
    if (text.substr(at).starts_with(piece)) return at;
    if (at >= text.size() || kBlank.find(text[at]) == std::string_view::npos) return std::nullopt;
  }
}

}  // namespace

std::optional<std::vector<TextRange>> token_ranges(std::string_view text,
                                                   std::span<const TokenId> ids,
                                                   const Tokenizer& tokenizer) {
  std::vector<TextRange> ranges;
  ranges.reserve(ids.size());
  size_t at = 0;
  bool after_control = true;  // or at the beginning
  for (const TokenId id : ids) {
    std::string bytes = tokenizer.token_bytes(id);
    const bool control = bytes.empty();
    if (control) bytes = tokenizer.piece(id);
    const bool past_blank = control || after_control;
    const auto place = [&](std::string_view piece) -> std::optional<size_t> {
      if (past_blank) return find_past_blank(text, at, piece);
      return text.substr(at).starts_with(piece) ? std::optional(at) : std::nullopt;
    };
    std::optional<size_t> begin = place(bytes);
    if (!begin && control) {
      bytes.clear();  // one that the tokenizer adds
      begin = at;
    } else if (!begin && bytes.front() == ' ') {
      bytes.erase(0, 1);
      begin = place(bytes);
    }
    if (!begin) return std::nullopt;
    at = *begin + bytes.size();
    ranges.push_back({*begin, at});
    after_control = control;
  }
  if (text.find_first_not_of(kBlank, at) != std::string_view::npos) return std::nullopt;
  return ranges;
}

std::string as_decoded(std::string_view text, const Tokenizer& tokenizer) {
  return tokenizer.decode(tokenizer.encode(text, {}), true);
}

std::vector<uint8_t> learned_tokens(std::span<const TextRange> tokens,
                                    std::span<const TextRange> learned) {
  std::vector<uint8_t> flags(tokens.size(), 0);
  auto range = learned.begin();
  for (size_t i = 0; i < tokens.size(); ++i) {
    while (range != learned.end() && range->end <= tokens[i].begin) ++range;
    if (range == learned.end()) break;
    // An empty token counts as the byte that follows it.
    const size_t end = std::max(tokens[i].end, tokens[i].begin + 1);
    flags[i] = range->begin < end ? 1 : 0;
  }
  return flags;
}

}  // namespace nalar::data
