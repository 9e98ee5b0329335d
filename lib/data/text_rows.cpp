#include "data/text_rows.h"

#include <algorithm>

#include "data/token_ranges.h"

namespace nalar::data {

std::vector<std::pair<Example, int64_t>> cut_text(const std::string& text,
                                                  const Tokenizer& tokenizer, int max_length) {
  std::vector<TokenId> ids =
      tokenizer.encode(text, {.add_special = false, .parse_special = true, .special_ranges = {}});
  const auto ranges = token_ranges(text, ids, tokenizer);
  const SpecialTokens& special = tokenizer.special();
  if (special.eos && (ids.empty() || ids.back() != *special.eos)) ids.push_back(*special.eos);
  const bool bos = tokenizer.adds_bos() && special.bos;
  const size_t step = static_cast<size_t>(max_length) - (bos ? 1 : 0);

  std::vector<std::pair<Example, int64_t>> rows;
  int64_t line = 1;
  size_t counted = 0;  // bytes whose lines are in `line`
  for (size_t at = 0; at < ids.size(); at += step) {
    Example example;
    if (bos) example.ids.push_back(*special.bos);
    const size_t end = std::min(at + step, ids.size());
    example.ids.insert(example.ids.end(), ids.begin() + static_cast<ptrdiff_t>(at),
                       ids.begin() + static_cast<ptrdiff_t>(end));
    example.learned.assign(example.ids.size(), 1);
    example.learned[0] = 0;
    if (ranges && at < ranges->size()) {
      const size_t begin = (*ranges)[at].begin;
      line += std::count(text.begin() + static_cast<ptrdiff_t>(counted),
                         text.begin() + static_cast<ptrdiff_t>(begin), '\n');
      counted = begin;
    }
    // An EOS alone, after a full row, would teach to end at once.
    const bool end_alone = at > 0 && end - at == 1 && special.eos == ids[at];
    if (!end_alone) rows.emplace_back(std::move(example), ranges ? line : 0);
  }
  return rows;
}

}  // namespace nalar::data
