#include "tokenizer/pieces.h"

#include <algorithm>

#include "base/utf8.h"

namespace nalar::tokenizer {
namespace {

struct Cut {
  TextRange range;
  bool delimiter;
};

// The whole of `text` as delimiters and what lies between them.
void find_cuts(std::string_view text, const FindDelimiters& find, bool invert,
               std::vector<Cut>& cuts) {
  size_t end = 0;
  find(text, [&](TextRange m) {
    if (m.begin > end) cuts.push_back({{end, m.begin}, invert});
    cuts.push_back({m, !invert});
    end = m.end;
  });
  if (end < text.size()) cuts.push_back({{end, text.size()}, invert});
}

// Joins neighbours as the behavior asks.
void join(std::vector<Cut>& cuts, SplitBehavior behavior) {
  std::vector<Cut> joined;
  const auto append = [&](const Cut& cut, bool to_last) {
    if (to_last && !joined.empty()) {
      joined.back().range = {std::min(joined.back().range.begin, cut.range.begin),
                             std::max(joined.back().range.end, cut.range.end)};
    } else {
      joined.push_back(cut);
    }
  };
  bool last = false;
  switch (behavior) {
    case SplitBehavior::removed:
    case SplitBehavior::isolated:
      return;
    case SplitBehavior::contiguous:
      for (const Cut& cut : cuts) append(cut, cut.delimiter == last), last = cut.delimiter;
      break;
    case SplitBehavior::merged_with_previous:
      for (const Cut& cut : cuts) append(cut, cut.delimiter && !last), last = cut.delimiter;
      break;
    case SplitBehavior::merged_with_next:
      for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
        append(*cut, cut->delimiter && !last);
        last = cut->delimiter;
      }
      std::reverse(joined.begin(), joined.end());
      break;
  }
  cuts = std::move(joined);
}

}  // namespace

FindDelimiters each_char(std::function<bool(char32_t)> is_delimiter) {
  return [is_delimiter = std::move(is_delimiter)](std::string_view text, const auto& on_match) {
    for (size_t at = 0; at < text.size();) {
      const base::Utf8Char c = base::decode_utf8(text, at);
      const size_t end = at + static_cast<size_t>(c.length);
      if (is_delimiter(c.code)) on_match({at, end});
      at = end;
    }
  };
}

FindDelimiters each_literal(std::string literal) {
  return [literal = std::move(literal)](std::string_view text, const auto& on_match) {
    if (literal.empty()) return;
    for (size_t at = 0; (at = text.find(literal, at)) != text.npos; at += literal.size()) {
      on_match({at, at + literal.size()});
    }
  };
}

PiecesStep split(FindDelimiters find, SplitBehavior behavior, bool invert) {
  return [find = std::move(find), behavior, invert](Pieces& pieces) {
    std::vector<TextRange> result;
    result.reserve(pieces.ranges.size());
    std::vector<Cut> cuts;
    for (const TextRange& range : pieces.ranges) {
      cuts.clear();
      find_cuts(pieces.piece(range), find, invert, cuts);
      join(cuts, behavior);
      for (const Cut& cut : cuts) {
        if (behavior == SplitBehavior::removed && cut.delimiter) continue;
        if (cut.range.begin == cut.range.end) continue;
        result.push_back({range.begin + cut.range.begin, range.begin + cut.range.end});
      }
    }
    pieces.ranges = std::move(result);
  };
}

}  // namespace nalar::tokenizer
