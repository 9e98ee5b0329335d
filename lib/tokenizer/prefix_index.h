#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace nalar::tokenizer {

// Which of a set of strings begin at a place of a text. Sorted strings, narrowed byte by byte;
// borrows their text.
class PrefixIndex {
 public:
  struct Entry {
    std::string_view text;
    int32_t value = 0;
  };

  PrefixIndex() = default;
  explicit PrefixIndex(std::vector<Entry> entries);
  bool empty() const { return entries_.empty(); }
  // Whether any string begins with this byte.
  bool starts(char byte) const {
    const Range& r = first_[static_cast<unsigned char>(byte)];
    return r.begin != r.end;
  }
  // Calls on_match(value, length) for every string that is a prefix of `text`, the shortest first.
  template <typename OnMatch>
  void each_prefix(std::string_view text, const OnMatch& on_match) const {
    if (text.empty()) return;
    Range r = first_[static_cast<unsigned char>(text[0])];
    for (size_t depth = 1; r.begin != r.end; ++depth) {
      if (entries_[r.begin].text.size() == depth) {
        on_match(entries_[r.begin].value, depth);
        ++r.begin;
      }
      if (depth == text.size()) return;
      r = narrowed(r, depth, text[depth]);
    }
  }

 private:
  struct Range {
    uint32_t begin = 0, end = 0;
  };
  Range narrowed(Range r, size_t depth, char byte) const {
    const auto at = [&](const Entry& e) { return static_cast<unsigned char>(e.text[depth]); };
    const auto wanted = static_cast<unsigned char>(byte);
    const auto begin = entries_.begin();
    const auto low = std::partition_point(begin + r.begin, begin + r.end,
                                          [&](const Entry& e) { return at(e) < wanted; });
    const auto high =
        std::partition_point(low, begin + r.end, [&](const Entry& e) { return at(e) == wanted; });
    return {static_cast<uint32_t>(low - begin), static_cast<uint32_t>(high - begin)};
  }

  std::vector<Entry> entries_;
  std::array<Range, 256> first_{};
};

}  // namespace nalar::tokenizer
