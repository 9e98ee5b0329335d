#include "tokenizer/prefix_index.h"

namespace nalar::tokenizer {

PrefixIndex::PrefixIndex(std::vector<Entry> entries) : entries_(std::move(entries)) {
  std::erase_if(entries_, [](const Entry& e) { return e.text.empty(); });
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.text < b.text; });
  const auto same = [](const Entry& a, const Entry& b) { return a.text == b.text; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    Range& r = first_[static_cast<unsigned char>(entries_[i].text[0])];
    if (r.begin == r.end) r.begin = i;
    r.end = i + 1;
  }
}

}  // namespace nalar::tokenizer
