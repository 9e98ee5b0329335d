#pragma once

#include <optional>
#include <vector>

#include "chat/value.h"

namespace nalar::chat {

class Runtime;

// "address.city" or "name.0": what the filters' attribute= arguments look up.
class AttributePath {
 public:
  explicit AttributePath(const Value& attribute);  // none: the item itself
  // `fallback`, unless it is missing or none, stands in for each part that is not there.
  Value get(Runtime& runtime, Value item, const Value& fallback = {}) const;

 private:
  std::vector<Value> parts_;
};

// A list of what each item has there.
Value attribute_of_each(Runtime& runtime, const Value& items, const Value& attribute);
// Strings in lower case, all else as it is.
Value ignore_case(Runtime& runtime, const Value& value);

}  // namespace nalar::chat
