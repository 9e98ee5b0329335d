#include "eval/leak_personal.h"

#include <fmt/format.h>
#include <nalar/error.h>

namespace nalar::eval {

std::vector<PersonalMatch> PersonalCounter::find(const LeakItem& item,
                                                 std::string_view text) const {
  try {
    return finder_.find(text);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", item.place, error.what()));
  }
}

PersonalCounter::PersonalCounter(std::span<const LeakItem> items, const Tokenizer& tokenizer)
    : tokenizer_(tokenizer) {
  for (size_t kind = 0; kind < kPersonalKinds; ++kind) {
    counts_[kind].kind = name(static_cast<PersonalKind>(kind));
  }
  for (const LeakItem& item : items) {
    if (!item.member) continue;
    const std::string text = tokenizer.decode(item.tokens(0, item.length));
    for (const PersonalMatch& match : find(item, text)) {
      const auto kind = static_cast<size_t>(match.kind);
      PersonalData& count = counts_[kind];
      ++count.in_data;
      if (count.places.empty() || count.places.back() != item.place) {
        count.places.push_back(item.place);
      }
      known_[kind].emplace(match.text);
    }
  }
}

void PersonalCounter::add(const LeakItem& item, std::span<const TokenId> output,
                          PersonalData::By PersonalData::*of) {
  if (output.empty()) return;
  std::vector<TokenId> ids(item.prefix().begin(), item.prefix().end());
  const std::string prefix = tokenizer_.decode(ids);
  ids.insert(ids.end(), output.begin(), output.end());
  const std::string text = tokenizer_.decode(ids);
  for (const PersonalMatch& match : find(item, text)) {
    const auto end = static_cast<size_t>(match.text.data() - text.data()) + match.text.size();
    if (end <= prefix.size()) continue;
    const auto kind = static_cast<size_t>(match.kind);
    PersonalData::By& count = counts_[kind].*of;
    ++count.in_outputs;
    const bool copied = prefix.find(match.text) != std::string::npos;
    if (!copied && known_[kind].count(match.text) != 0) ++count.given_away;
  }
}

std::vector<PersonalData> PersonalCounter::result() const {
  std::vector<PersonalData> out;
  for (const PersonalData& count : counts_) {
    if (count.in_data + count.tuned.in_outputs + count.base.in_outputs > 0) out.push_back(count);
  }
  return out;
}

}  // namespace nalar::eval
