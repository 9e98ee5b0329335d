#include "tokenizer/word_boundary.h"

#include <array>

namespace nalar::tokenizer {

PiecesStep split_before_space_marks(const Vocab& vocab) {
  // reached[b]: some piece holds byte b and then a ▁. The last byte of ▁ is among them, so that
  // runs of ▁ stay together.
  std::array<bool, 256> reached{};
  reached[static_cast<unsigned char>(kSpaceMark.back())] = true;
  for (TokenId id = 0; id < vocab.size(); ++id) {
    const std::string_view piece = vocab.piece(id);
    for (size_t at = 1; (at = piece.find(kSpaceMark, at)) != piece.npos; at += kSpaceMark.size()) {
      reached[static_cast<unsigned char>(piece[at - 1])] = true;
    }
  }
  return [reached](Pieces& pieces) {
    std::vector<TextRange> result;
    for (const TextRange& range : pieces.ranges) {
      const std::string_view text = pieces.piece(range);
      size_t begin = 0;
      for (size_t at = 1; (at = text.find(kSpaceMark, at)) != text.npos; at += kSpaceMark.size()) {
        if (reached[static_cast<unsigned char>(text[at - 1])]) continue;
        result.push_back({range.begin + begin, range.begin + at});
        begin = at;
      }
      if (begin < text.size()) result.push_back({range.begin + begin, range.end});
    }
    pieces.ranges = std::move(result);
  };
}

}  // namespace nalar::tokenizer
