#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/charsmap.h"
#include "tokenizer/pieces.h"
#include "tokenizer/spm_proto.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// Texts are given to the sentencepiece library word by word where that changes no result: its work
// on one text takes some hundred bytes a character, and words come again. A text that has got a
// space in front is cut before each space behind a visible character; every piece then begins with
// a space, and the library puts back the one that was taken from it.
//
// nullopt for other models than BPE, and where a piece of the vocabulary or a rule of the
// normalizer could reach across.
std::optional<PiecesStep> split_spm_words(const SpmModel& model, const Vocab& vocab);

// Shortens long runs of characters that no piece and no rule knows: the library makes one unknown
// token of a run, in time that grows with the square of its length.
class UnknownRuns {
 public:
  explicit UnknownRuns(const SpmModel& model);
  std::string shortened(std::string_view text) const;

 private:
  size_t end_of_run(std::string_view text, size_t at) const;

  std::vector<bool> known_;  // by code point: some piece holds it
  std::optional<Charsmap> rules_;
};

}  // namespace nalar::tokenizer
