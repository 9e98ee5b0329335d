#pragma once

#include <nalar/tokenizer.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/hash.h"

namespace nalar::tokenizer {

// The tokens of pieces seen before in one text: most words of a text come again. Remembers what
// fits and never forgets.
class WordCache {
 public:
  // A text of `bytes` is about to be encoded; a short one is not worth a cache.
  explicit WordCache(size_t bytes) {
    if (bytes >= kWorthIt) slots_.resize(kSlots);
  }

  std::optional<std::span<const TokenId>> find(std::string_view piece) const {
    if (slots_.empty() || piece.size() > kLongest) return std::nullopt;
    const Slot& slot = slots_[hash_bytes(piece) % kSlots];
    if (text_of(slot) != piece) return std::nullopt;
    return std::span(ids_).subspan(slot.ids, slot.n_ids);
  }

  void add(std::string_view piece, std::span<const TokenId> ids) {
    if (slots_.empty() || piece.size() > kLongest || ids.size() > UINT16_MAX ||
        text_.size() > kMost)
      return;
    Slot& slot = slots_[hash_bytes(piece) % kSlots];
    if (slot.length != 0) return;
    slot = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(ids_.size()),
            static_cast<uint16_t>(piece.size()), static_cast<uint16_t>(ids.size())};
    text_.append(piece);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

 private:
  struct Slot {
    uint32_t text = 0, ids = 0;
    uint16_t length = 0, n_ids = 0;
  };
  static constexpr size_t kWorthIt = 2048, kSlots = 16384, kLongest = 96, kMost = size_t{1} << 20;

  std::string_view text_of(const Slot& slot) const {
    return std::string_view(text_).substr(slot.text, slot.length);
  }

  std::vector<Slot> slots_;
  std::string text_;
  std::vector<TokenId> ids_;
};

}  // namespace nalar::tokenizer
