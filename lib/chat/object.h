#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/value.h"

namespace nalar::chat {

// What a call passes: (a, b, key=c).
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keywords;
};

// Anything that is not plain data: ranges, dict views, iterators, functions, namespaces, loops. A
// method that a kind lacks answers as Python does when its class lacks it.
class Object : public std::enable_shared_from_this<Object> {
 public:
  virtual ~Object() = default;

  virtual std::string_view type_name() const = 0;
  // As str() and repr() print it.
  virtual std::string print(Runtime& runtime) const;
  // Missing when there is none.
  virtual Value attribute(Runtime& runtime, std::string_view name);
  // self[key]; missing when it has no such item or cannot be subscribed.
  virtual Value item(Runtime& runtime, const Value& key);
  virtual bool is_callable() const { return false; }
  virtual Value call(Runtime& runtime, Arguments arguments);
  // nullptr: not iterable.
  virtual std::unique_ptr<Iterator> iterate(Runtime& runtime);
  // Items in reverse order, if Python's reversed() takes it.
  virtual std::unique_ptr<Iterator> iterate_reversed(Runtime& runtime);
  virtual std::optional<int64_t> length(Runtime& runtime) const;
  virtual bool truthy(Runtime& runtime) const;
  virtual bool equals(const Object& other) const { return this == &other; }
  virtual bool is_sequence() const { return false; }
  // Lets go of the values it was given after it was made, which may hold itself.
  virtual void release() {}
  const Extent& extent() const { return extent_; }

 protected:
  Extent extent_;
};

}  // namespace nalar::chat
