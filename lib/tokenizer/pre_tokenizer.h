#pragma once

#include <string>
#include <string_view>

#include "tokenizer/pieces.h"

namespace nalar::tokenizer {

// The pre-tokenizers of the tokenizers package, under its names.
PiecesStep split_by_regex(std::string_view pattern, SplitBehavior behavior, bool invert = false);
PiecesStep split_by_literal(std::string literal, SplitBehavior behavior, bool invert = false);
PiecesStep split_words();        // Whitespace: words and runs of symbols; white space goes
PiecesStep split_white_space();  // WhitespaceSplit
PiecesStep split_bert();         // BertPreTokenizer: white space goes, punctuation apart
PiecesStep split_punctuation(SplitBehavior behavior);
PiecesStep split_digits(bool each);
// ByteLevel's own pattern (GPT-2's).
PiecesStep split_gpt2();
// A space before every piece that begins with none.
PiecesStep prefix_space();
// Bytes become their stand-ins.
PiecesStep map_bytes();

enum class PrependScheme { always, first, never };
// Spaces become `replacement`, one is prepended, the text is cut before each.
PiecesStep metaspace(std::string replacement, PrependScheme scheme, bool cut);

}  // namespace nalar::tokenizer
