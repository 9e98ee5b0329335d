#include "generate/stop_matcher.h"

#include <nalar/error.h>

#include <algorithm>
#include <utility>

namespace nalar::generate {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) {
    if (stop.empty()) throw Error(ErrorKind::usage, "--stop: got an empty text, need a character");
  }
}

std::string StopMatcher::push(std::string_view text) {
  std::string certain;
  if (matched_) return certain;
  if (stops_.empty()) return std::string(text);
  for (const char byte : text) {
    held_.push_back(byte);
    if (const size_t length = match_at_end(); length > 0) {
      matched_ = true;
      certain.append(held_, 0, held_.size() - length);
      held_.clear();
      break;
    }
    const size_t sure = held_.size() - undecided();
    certain.append(held_, 0, sure);
    held_.erase(0, sure);
  }
  return certain;
}

std::string StopMatcher::finish() { return std::exchange(held_, {}); }

size_t StopMatcher::match_at_end() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    if (held_.ends_with(stop)) longest = std::max(longest, stop.size());
  }
  return longest;
}

size_t StopMatcher::undecided() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > longest; --n) {
      if (held_.ends_with(std::string_view(stop).substr(0, n))) longest = n;
    }
  }
  return longest;
}

}  // namespace nalar::generate
