#include "generate/cached_sequence.h"

#include <algorithm>

namespace nalar::generate {

CachedSequence::CachedSequence(Engine& engine, const SequenceOptions& options)
    : engine_(engine),
      options_(options),
      logits_(static_cast<size_t>(engine.config().vocab_size)) {}

CachedSequence::~CachedSequence() { clear(); }

size_t CachedSequence::hold(std::span<const TokenId> ids) {
  if (!sequence_) sequence_ = engine_.create(options_);
  const size_t most = std::min(held_.size(), ids.size() - 1);
  const auto differs =
      std::mismatch(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(most), ids.begin());
  const auto kept = static_cast<size_t>(differs.first - held_.begin());
  held_.resize(kept);
  engine_.truncate(*sequence_, static_cast<int>(kept));

  const std::span<const TokenId> rest = ids.subspan(kept);
  const auto last = static_cast<int32_t>(rest.size() - 1);
  const Slice slice{*sequence_, rest, {&last, 1}};
  const auto vocab_size = static_cast<int64_t>(logits_.size());
  engine_.forward({&slice, 1}, {logits_.data(), 1, vocab_size, vocab_size});
  held_.insert(held_.end(), rest.begin(), rest.end());
  return kept;
}

void CachedSequence::clear() {
  if (sequence_) engine_.release(*sequence_);
  sequence_.reset();
  held_.clear();
}

}  // namespace nalar::generate
