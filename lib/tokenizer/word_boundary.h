#pragma once

#include <array>

#include "tokenizer/pieces.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

inline constexpr std::string_view kSpaceMark = "\u2581";  // ▁

// By byte: some piece of the vocabulary holds it and then a ▁. The last byte of ▁ is among them, so
// that runs of ▁ stay together.
std::array<bool, 256> bytes_before_space_mark(const Vocab& vocab);

// Cuts before a ▁ that no merge can reach across: where the byte before it comes before a ▁ in no
// piece of the vocabulary. It changes no result of a model whose tokens are joined from neighbours;
// it makes words of a text that would be one piece, and words are cached and merged quickly.
PiecesStep split_before_space_marks(const Vocab& vocab);

}  // namespace nalar::tokenizer
