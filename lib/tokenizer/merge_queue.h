#pragma once

#include <nalar/tokenizer.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace nalar::tokenizer {

inline constexpr uint32_t kNoRank = UINT32_MAX;
inline constexpr uint32_t kNoSymbol = UINT32_MAX;

// A token under construction, linked to its neighbours by index.
struct Symbol {
  TokenId id;
  uint32_t previous;
  uint32_t next;
  uint32_t rank;  // of the merge with the next one, kNoRank when there is none
};

// Byte-pair merging: while there is a pair with a rank, the one with the lowest (leftmost among
// equals) is replaced by one symbol. `rank(left, right)` tells a pair's rank, `merge(left, right)`
// the id of the joined symbol. O(n log n) time, no recursion; few symbols are searched without the
// queue.
class MergeQueue {
 public:
  template <typename Rank, typename Merge>
  void run(std::vector<Symbol>& symbols, const Rank& rank, const Merge& merge) {
    if (symbols.size() < 2) return;
    for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next) {
      const uint32_t next = symbols[i].next;
      symbols[i].rank = next == kNoSymbol ? kNoRank : rank(i, next);
    }
    if (symbols.size() <= kFew) {
      run_few(symbols, rank, merge);
    } else {
      run_many(symbols, rank, merge);
    }
  }

 private:
  static constexpr size_t kFew = 32;

  // Joins `left` with its next symbol and ranks the two new pairs.
  template <typename Rank, typename Merge>
  static void join(std::vector<Symbol>& symbols, uint32_t left, const Rank& rank,
                   const Merge& merge) {
    Symbol& l = symbols[left];
    const uint32_t right = l.next;
    l.id = merge(left, right);
    l.next = symbols[right].next;
    symbols[right].rank = kNoRank;
    if (l.next != kNoSymbol) symbols[l.next].previous = left;
    l.rank = l.next == kNoSymbol ? kNoRank : rank(left, l.next);
    if (l.previous != kNoSymbol) symbols[l.previous].rank = rank(l.previous, left);
  }

  template <typename Rank, typename Merge>
  static void run_few(std::vector<Symbol>& symbols, const Rank& rank, const Merge& merge) {
    while (true) {
      uint32_t best = 0;
      for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next) {
        if (symbols[i].rank < symbols[best].rank) best = i;
      }
      if (symbols[best].rank == kNoRank) return;
      join(symbols, best, rank, merge);
    }
  }

  // Rank above, index below: the order of these numbers is the order of merging. What is known at
  // the beginning is sorted once and read through; pairs made on the way wait in a heap, until the
  // sorted ones are used up and they become the sorted ones. An entry whose rank is no longer its
  // symbol's is stale.
  template <typename Rank, typename Merge>
  void run_many(std::vector<Symbol>& symbols, const Rank& rank, const Merge& merge) {
    sorted_.clear();
    heap_.clear();
    const auto entry = [&](uint32_t i) { return uint64_t{symbols[i].rank} << 32 | i; };
    for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next) {
      if (symbols[i].rank != kNoRank) heap_.push_back(entry(i));
    }
    const auto push = [&](uint32_t i) {
      if (i == kNoSymbol || symbols[i].rank == kNoRank) return;
      heap_.push_back(entry(i));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    };
    size_t at = sorted_.size();
    while (true) {
      if (at == sorted_.size()) {
        if (heap_.empty()) return;
        sorted_.swap(heap_);
        heap_.clear();
        if (!std::is_sorted(sorted_.begin(), sorted_.end()))
          std::sort(sorted_.begin(), sorted_.end());
        at = 0;
      }
      uint64_t top = sorted_[at];
      if (!heap_.empty() && heap_.front() < top) {
        top = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
        heap_.pop_back();
      } else {
        ++at;
      }
      const auto i = static_cast<uint32_t>(top);
      if (symbols[i].rank != top >> 32) continue;
      join(symbols, i, rank, merge);
      push(i);
      push(symbols[i].previous);
    }
  }

  std::vector<uint64_t> sorted_;
  std::vector<uint64_t> heap_;
};

}  // namespace nalar::tokenizer
