#pragma once

#include <nalar/tokenizer.h>

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/merge_queue.h"

namespace nalar::tokenizer {

// Memory that one call of encode() uses again for every piece.
struct Scratch {
  std::vector<Symbol> symbols;
  std::vector<uint32_t> begins;
  MergeQueue queue;
  std::string text;
};

// Cuts a piece of text into tokens. Immutable, thread-safe.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  // Appends the ids of `piece`. REQUIRES fewer than 2^31 bytes.
  virtual void encode(std::string_view piece, Scratch& scratch,
                      std::vector<TokenId>& out) const = 0;
};

}  // namespace nalar::tokenizer
