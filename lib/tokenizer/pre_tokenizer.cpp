#include "tokenizer/pre_tokenizer.h"

#include <memory>

#include "tokenizer/byte_chars.h"
#include "tokenizer/characters.h"
#include "tokenizer/gguf_pre.h"
#include "tokenizer/regex.h"
#include "tokenizer/replace.h"

namespace nalar::tokenizer {

PiecesStep split_by_regex(std::string_view pattern, SplitBehavior behavior, bool invert) {
  auto regex = std::make_shared<const Regex>(pattern);
  return split([regex](std::string_view text,
                       const auto& on_match) { regex->for_each_match(text, on_match); },
               behavior, invert);
}

PiecesStep split_by_literal(std::string literal, SplitBehavior behavior, bool invert) {
  return split(each_literal(std::move(literal)), behavior, invert);
}

PiecesStep split_words() { return split_by_regex(R"(\w+|[^\w\s]+)", SplitBehavior::removed, true); }

PiecesStep split_white_space() { return split(each_char(is_white_space), SplitBehavior::removed); }

PiecesStep split_bert() {
  return [white_space = split_white_space(),
          punctuation = split_punctuation(SplitBehavior::isolated)](Pieces& pieces) {
    white_space(pieces);
    punctuation(pieces);
  };
}

PiecesStep split_punctuation(SplitBehavior behavior) {
  return split(each_char(is_punctuation), behavior);
}

PiecesStep split_digits(bool each) {
  return split(each_char(is_numeric), each ? SplitBehavior::isolated : SplitBehavior::contiguous);
}

PiecesStep split_gpt2() {
  return split_by_regex(find_gguf_pre("gpt-2")->patterns[0], SplitBehavior::isolated);
}

PiecesStep prefix_space() {
  return [](Pieces& pieces) {
    rewrite_pieces(pieces, [](std::string_view piece, const TextRange&, std::string& out) {
      if (!piece.starts_with(' ')) out += ' ';
      out += piece;
    });
  };
}

PiecesStep map_bytes() {
  return [](Pieces& pieces) {
    rewrite_pieces(pieces, [](std::string_view piece, const TextRange&, std::string& out) {
      append_byte_chars(out, piece);
    });
  };
}

PiecesStep metaspace(std::string replacement, PrependScheme scheme, bool cut) {
  PiecesStep cutter =
      cut ? split_by_literal(replacement, SplitBehavior::merged_with_next) : PiecesStep();
  return [replacement = std::move(replacement), scheme,
          cutter = std::move(cutter)](Pieces& pieces) {
    rewrite_pieces(pieces, [&](std::string_view piece, const TextRange& range, std::string& out) {
      std::string text(piece);
      replace_all(text, " ", replacement);
      const bool first = pieces.at_start && range.begin == 0;
      const bool prepend =
          scheme == PrependScheme::always || (scheme == PrependScheme::first && first);
      if (prepend && !text.starts_with(replacement)) out += replacement;
      out += text;
    });
    if (cutter) cutter(pieces);
  };
}

}  // namespace nalar::tokenizer
