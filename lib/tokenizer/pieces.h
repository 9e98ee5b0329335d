#pragma once

#include <nalar/tokenizer.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::tokenizer {

// A text between two added tokens on its way through the pre-tokenizers: cut into pieces that are
// never merged across. A step that changes the text writes a new one.
struct Pieces {
  std::string text;
  std::vector<TextRange> ranges;  // of text, none empty
  bool at_start = false;          // the fragment begins where the whole text does

  std::string_view piece(const TextRange& r) const {
    return std::string_view(text).substr(r.begin, r.end - r.begin);
  }
};

using PiecesStep = std::function<void(Pieces&)>;

// What becomes of a delimiter: the tokenizers package's SplitDelimiterBehavior.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// Tells where the delimiters lie in a text, in ascending order.
using FindDelimiters = std::function<void(std::string_view, const std::function<void(TextRange)>&)>;
FindDelimiters each_char(std::function<bool(char32_t)> is_delimiter);
FindDelimiters each_literal(std::string literal);

// Cuts every piece. `invert`: what lies between the delimiters is the delimiter.
PiecesStep split(FindDelimiters find, SplitBehavior behavior, bool invert = false);

// Rewrites every piece's text; `change` gets the piece's text and appends what it becomes.
template <typename Change>
void rewrite_pieces(Pieces& pieces, Change&& change) {
  std::string text;
  text.reserve(pieces.text.size() + pieces.text.size() / 8);
  for (TextRange& range : pieces.ranges) {
    const size_t begin = text.size();
    change(pieces.piece(range), range, text);
    range = {begin, text.size()};
  }
  pieces.text = std::move(text);
}

}  // namespace nalar::tokenizer
