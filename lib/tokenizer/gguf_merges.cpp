#include "tokenizer/gguf_merges.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <string>

#include "base/utf8.h"
#include "tokenizer/gguf_arrays.h"
#include "tokenizer/hash.h"

namespace nalar::tokenizer {
namespace {

struct Parts {
  std::string_view left, right;
  uint64_t left_hash, right_hash;
};

[[noreturn]] void bad_merge(size_t i, std::string_view text, std::string_view why) {
  throw Error(ErrorKind::bad_data,
              fmt::format("bad merge {} (key tokenizer.ggml.merges): \"{}\" {}", i,
                          base::escaped(text, 60), why));
}

Parts cut(size_t i, std::string_view text) {
  const size_t space = text.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == text.size())
    bad_merge(i, text, "is not two parts");
  const std::string_view left = text.substr(0, space), right = text.substr(space + 1);
  return {left, right, hash_bytes(left), hash_bytes(right)};
}

// The token that two pieces make together. Vocabularies list the results of merges in their order,
// so the next id is tried before the table is asked.
class Joiner {
 public:
  explicit Joiner(const Vocab& vocab) : vocab_(vocab) {}

  TokenId join(const Parts& parts) {
    const TokenId guess = last_ + 1;
    if (vocab_.has(guess)) {
      const std::string_view piece = vocab_.piece(guess);
      if (piece.size() == parts.left.size() + parts.right.size() && piece.starts_with(parts.left) &&
          piece.ends_with(parts.right)) {
        return last_ = guess;
      }
    }
    whole_.assign(parts.left).append(parts.right);
    const TokenId found = vocab_.find(whole_);
    if (found != kNoToken) last_ = found;
    return found;
  }

 private:
  const Vocab& vocab_;
  TokenId last_ = kNoToken;
  std::string whole_;
};

}  // namespace

MergeTable read_gguf_merges(const io::GgufMetadata& metadata, const Vocab& vocab) {
  const GgufStrings texts = need_strings(metadata, "tokenizer.ggml.merges");
  const size_t n = texts.spans.size();
  MergeTable merges(n);
  Joiner joiner(vocab);
  // In batches, so that the look-ups' cache misses overlap.
  constexpr size_t kBatch = 16;
  Parts batch[kBatch];
  for (size_t begin = 0; begin < n; begin += kBatch) {
    const size_t count = std::min(kBatch, n - begin);
    for (size_t i = 0; i < count; ++i) {
      batch[i] = cut(begin + i, texts[begin + i]);
      vocab.prefetch(batch[i].left_hash);
      vocab.prefetch(batch[i].right_hash);
    }
    for (size_t i = 0; i < count; ++i) {
      const Parts& parts = batch[i];
      const TokenId left = vocab.find(parts.left, parts.left_hash);
      const TokenId right = vocab.find(parts.right, parts.right_hash);
      const TokenId merged = joiner.join(parts);
      if (left == kNoToken || right == kNoToken || merged == kNoToken) {
        const std::string_view what = left == kNoToken    ? "begins with no token"
                                      : right == kNoToken ? "ends in no token"
                                                          : "joins to no token";
        bad_merge(begin + i, texts[begin + i], what);
      }
      merges.add(left, right, merged);
    }
  }
  return merges;
}

}  // namespace nalar::tokenizer
