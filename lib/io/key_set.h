#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace nalar::io {

// The keys of one object, to find one that comes twice: compared one by one while they are few,
// hashed from then on. Borrows the keys.
class KeySet {
 public:
  // False when it is there already.
  bool add(std::string_view key) {
    if (many_.empty()) {
      if (std::find(few_.begin(), few_.end(), key) != few_.end()) return false;
      if (few_.size() < kFew) {
        few_.push_back(key);
        return true;
      }
      many_.insert(few_.begin(), few_.end());
    }
    return many_.insert(key).second;
  }

 private:
  static constexpr size_t kFew = 12;
  std::vector<std::string_view> few_;
  std::unordered_set<std::string_view> many_;
};

}  // namespace nalar::io
