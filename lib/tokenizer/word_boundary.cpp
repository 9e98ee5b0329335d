#include "tokenizer/word_boundary.h"

namespace nalar::tokenizer {

std::array<bool, 256> bytes_before_space_mark(const Vocab& vocab) {
  std::array<bool, 256> reached{};
  reached[static_cast<unsigned char>(kSpaceMark.back())] = true;
  for (TokenId id = 0; id < vocab.size(); ++id) {
    const std::string_view piece = vocab.piece(id);
    for (size_t at = 1; (at = piece.find(kSpaceMark, at)) != piece.npos; at += kSpaceMark.size()) {
      reached[static_cast<unsigned char>(piece[at - 1])] = true;
    }
  }
  return reached;
}

PiecesStep split_before_space_marks(const Vocab& vocab) {
  return [reached = bytes_before_space_mark(vocab)](Pieces& pieces) {
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
