#include "engine/sequence_table.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

namespace nalar::engine {
namespace {

[[noreturn]] void usage(std::string message) { throw Error(ErrorKind::usage, message); }

}  // namespace

void Walks::add(const Slice& slice, int position, bool adapted) {
  auto logit_row = slice.logit_rows.begin();
  for (size_t at = 0; at < slice.tokens.size();) {
    if (walks_.empty() || walks_.back().n_rows == chunk_ || walks_.back().adapted != adapted) {
      walks_.emplace_back().adapted = adapted;
    }
    Walk& walk = walks_.back();
    const size_t n = std::min(slice.tokens.size() - at, static_cast<size_t>(chunk_ - walk.n_rows));
    walk.parts.push_back(
        {slice.sequence, position + static_cast<int32_t>(at), slice.tokens.subspan(at, n)});
    const auto first = static_cast<int32_t>(walk.n_rows - static_cast<int64_t>(at));
    at += n;
    for (; logit_row != slice.logit_rows.end() && *logit_row < static_cast<int64_t>(at);
         ++logit_row) {
      walk.logit_rows.push_back(first + *logit_row);
    }
    walk.n_rows += static_cast<int64_t>(n);
  }
}

int SequenceRules::limit(const SequenceOptions& options) const {
  if (options.max_tokens < 0 || options.max_tokens > n_ctx) {
    usage(fmt::format("max_tokens: got {}, need 0 to {}", options.max_tokens, n_ctx));
  }
  return options.max_tokens > 0 ? options.max_tokens : n_ctx;
}

void SequenceRules::check_kept(int n_tokens, int length) {
  if (n_tokens < 0 || n_tokens > length) {
    usage(fmt::format("tokens to keep: got {}, need 0 to the sequence's length {}", n_tokens,
                      length));
  }
}

void SequenceRules::check(const Slice& slice, int length, int limit) const {
  const auto n = static_cast<int64_t>(slice.tokens.size());
  if (length + n > limit) {
    usage(fmt::format("sequence {}: {} tokens and {} more do not fit into {}",
                      static_cast<int32_t>(slice.sequence), length, n, limit));
  }
  for (const TokenId id : slice.tokens) {
    if (id < 0 || id >= vocab_size) {
      usage(fmt::format("token id: got {}, need 0 to {}", id, vocab_size - 1));
    }
  }
  int64_t last = -1;
  for (const int32_t row : slice.logit_rows) {
    if (row <= last || row >= n) {
      usage(fmt::format("logit row: got {}, need more than {} and less than {}", row, last, n));
    }
    last = row;
  }
}

void SequenceRules::check(const MatrixView<float>& logits, int64_t n_rows) const {
  if (n_rows > 0 && (logits.data == nullptr || logits.rows != n_rows ||
                     logits.columns != vocab_size || logits.stride < logits.columns)) {
    usage(fmt::format("logits: got [{}, {}], need [{}, {}]", logits.rows, logits.columns, n_rows,
                      vocab_size));
  }
}

void SequenceRules::not_there(SequenceId id) {
  usage(fmt::format("no sequence {}", static_cast<int32_t>(id)));
}

void SequenceRules::twice(SequenceId id) {
  usage(fmt::format("sequence {} twice in one call", static_cast<int32_t>(id)));
}

}  // namespace nalar::engine
