#pragma once

#include <nalar/leak.h>

#include <array>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "eval/leak_data.h"
#include "eval/personal_data.h"

namespace nalar::eval {

// Counts texts that look like personal data in the training rows and in what models make of them.
// What was found is held to compare, and never told.
class PersonalCounter {
 public:
  // Looks through the members of `items`. Borrows all.
  PersonalCounter(std::span<const LeakItem> items, const Tokenizer& tokenizer);

  // What a model said after the prefix of a row: counts what ends in it.
  void add(const LeakItem& item, std::span<const TokenId> output,
           PersonalData::By PersonalData::*of);

  // Kinds that were found somewhere.
  std::vector<PersonalData> result() const;

 private:
  // Errors: bad_data that names the row.
  std::vector<PersonalMatch> find(const LeakItem& item, std::string_view text) const;

  const Tokenizer& tokenizer_;
  PersonalDataFinder finder_;
  std::array<PersonalData, kPersonalKinds> counts_;
  std::array<std::set<std::string, std::less<>>, kPersonalKinds> known_;
};

}  // namespace nalar::eval
