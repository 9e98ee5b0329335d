#pragma once

#include <nalar/engine.h>

#include <optional>
#include <span>
#include <vector>

namespace nalar::generate {

// A sequence of an engine that knows which tokens it holds, so that only what is new is computed.
// Borrows the engine.
class CachedSequence {
 public:
  explicit CachedSequence(Engine& engine, const SequenceOptions& options = {});
  ~CachedSequence();
  CachedSequence(const CachedSequence&) = delete;
  CachedSequence& operator=(const CachedSequence&) = delete;

  // Makes the sequence hold `ids` (at least one): forgets what differs and computes the rest, the
  // last token always. Returns how many were reused. When the engine throws, nothing wrong is kept.
  size_t hold(std::span<const TokenId> ids);
  // [V], of the last token; may be written to.
  std::span<float> logits() { return logits_; }
  void clear();

 private:
  Engine& engine_;
  SequenceOptions options_;
  std::optional<SequenceId> sequence_;
  std::vector<TokenId> held_;
  std::vector<float> logits_;
};

}  // namespace nalar::generate
