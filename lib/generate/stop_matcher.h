#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nalar::generate {

// Finds the first of some texts in a stream, however it is cut. Text that may be the beginning of
// one is held back. The one whose last byte comes first wins, and of those that end together the
// longest.
class StopMatcher {
 public:
  // Errors: usage for an empty text.
  explicit StopMatcher(std::vector<std::string> stops);

  // What is certain now to stand before any stop; after a match nothing more is.
  std::string push(std::string_view text);
  bool matched() const { return matched_; }
  // The stream is over: what was held back.
  std::string finish();

 private:
  // Length of the longest stop that `held_` ends with; 0 = none.
  size_t match_at_end() const;
  // Length of the longest end of `held_` that begins a stop.
  size_t undecided() const;

  std::vector<std::string> stops_;
  std::string held_;
  bool matched_ = false;
};

}  // namespace nalar::generate
