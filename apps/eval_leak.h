#pragma once

#include <nalar/leak.h>

#include <optional>
#include <string>
#include <vector>

#include "option_set.h"

namespace nalar::apps {

// What eval --leak is told.
struct LeakFlags {
  std::vector<std::string> train;
  std::optional<std::string> heldout;
  std::optional<int> prefix, continuation;
  std::optional<int64_t> decoys;

  bool wanted() const { return !train.empty(); }
};

void declare_leak_flags(OptionSet& options, LeakFlags& flags);
// Errors: usage where something is told that needs --leak.
void check_leak_flags(const LeakFlags& flags);
// `run`: the folder of the training run. `limit`: rows of each set; 0 = all.
LeakOptions leak_options(const LeakFlags& flags, const std::string& run, int64_t limit);

// A line for each row, with figures of both models and no text.
std::string leak_samples(const LeakResult& result);

}  // namespace nalar::apps
