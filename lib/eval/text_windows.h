#pragma once

#include <nalar/eval.h>
#include <nalar/token.h>

#include <optional>
#include <span>
#include <vector>

namespace nalar::eval {

// One pass over a part of a text: `input` is what the model reads; the rows from `first_scored` on
// predict `targets`, one each, up to the last row.
struct Window {
  std::vector<TokenId> input;
  size_t first_scored = 0;
  std::span<const TokenId> targets;  // input.size() - first_scored of them
};

// The windows of a text under a convention, one after the other. Borrows `ids`, which are the
// text's with what the tokenizer adds.
class TextWindows {
 public:
  // REQUIRES resolved options. `bos`: set at the beginning of each chunk (llamacpp), or what stands
  // before the first token (rolling). Errors: bad_data for a text that is too short.
  TextWindows(std::span<const TokenId> ids, const TextOptions& options, std::optional<TokenId> bos);

  int64_t size() const;
  // REQUIRES 0 ≤ i < size().
  Window at(int64_t i) const;

 private:
  Window chunk(size_t i) const;
  Window strided(size_t i) const;
  Window rolled(size_t i) const;

  std::span<const TokenId> ids_;
  TextOptions options_;
  std::optional<TokenId> bos_;
  size_t window_, stride_;
};

}  // namespace nalar::eval
