#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "io/name_table.h"

namespace nalar::io {

// The keys of one object, to find one that comes twice: compared one by one while they are few,
// hashed from then on. Borrows the keys.
class KeySet {
 public:
  // False when it is there already.
  bool add(std::string_view key) {
    const auto key_at = [this](size_t i) { return keys_[i]; };
    if (keys_.size() < kFew) {
      if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) return false;
    } else {
      if (keys_.size() == kFew) {
        for (const std::string_view few : keys_) table_.add(few, key_at);
      }
      if (!table_.add(key, key_at)) return false;
    }
    keys_.push_back(key);
    return true;
  }

 private:
  static constexpr size_t kFew = 12;
  std::vector<std::string_view> keys_;
  NameTable table_;
};

}  // namespace nalar::io
