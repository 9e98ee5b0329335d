#pragma once

#include <nalar/leak.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/canaries.h"
#include "data/example.h"

namespace nalar::eval {

// A row that may have been trained on, cut to the context, and where its continuation is.
struct LeakItem {
  const data::Example* example = nullptr;
  std::string place;
  bool member = true;
  size_t length = 0;  // tokens of it that are used
  // Tokens [begin, cut) are the prefix, [cut, end) the continuation; cut = end: it is too short.
  size_t begin = 0, cut = 0, end = 0;

  std::span<const TokenId> tokens(size_t from, size_t to) const {
    return std::span(example->ids).subspan(from, to - from);
  }
  std::span<const TokenId> prefix() const { return tokens(begin, cut); }
  std::span<const TokenId> continuation() const { return tokens(cut, end); }
};

// Continuations of fewer tokens say little: an answer of two may be known without this row.
inline constexpr size_t kShortest = 8;

// Where the continuation of a row begins: `prefix` tokens into it, or in its middle where it is
// shorter, and not before its first learned token; it ends with what is learned without a gap.
// Sets begin, cut and end. REQUIRES length.
void split(LeakItem& item, size_t prefix, size_t continuation);

}  // namespace nalar::eval

namespace nalar {

struct LeakData::Impl {
  LeakOptions options;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<std::shared_ptr<const Dataset>> datasets;  // that the items borrow from
  std::vector<eval::LeakItem> items;                     // members first
  int64_t members = 0;
  int64_t cut = 0, equal = 0;
  std::optional<data::Canaries> canaries;
  // Rows of the canaries, then of the decoys.
  std::vector<data::Example> secrets;
  std::vector<std::string> notices;
  Json settings;
};

}  // namespace nalar
