#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::tokenizer {

// SentencePiece's precompiled_charsmap: a double-array trie (Aoe 1989, in the darts-clone layout)
// from strings to replacements. Every unit that a search can reach is checked when it is read.
class Charsmap {
 public:
  // Errors: bad_data "bad charsmap: …": truncated, a unit or replacement out of range, a loop, more
  // than 32 rules that begin alike.
  explicit Charsmap(std::string_view blob);

  // What the shortest rule that begins `text` gives; nullopt when none does. (The tokenizers
  // package takes the shortest; SentencePiece the longest.)
  std::optional<std::string_view> shortest(std::string_view text) const;
  // Whether a rule begins with all of `text`.
  bool begins_rule(std::string_view text) const;
  // Whether a rule holds this byte.
  bool knows_byte(char byte) const { return bytes_[static_cast<unsigned char>(byte)]; }

 private:
  uint32_t unit(uint32_t at) const { return units_[at]; }
  void check();
  void check_node(uint32_t node) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
  std::bitset<256> bytes_;  // of the rules
};

// The tokenizers package's Precompiled: grapheme clusters below 6 bytes as a whole if a rule begins
// them, else character by character.
NormalizeStep normalize_charsmap(std::string_view blob);

}  // namespace nalar::tokenizer
