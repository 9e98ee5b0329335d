#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "chat/object.h"
#include "chat/value.h"

namespace nalar::chat {

class Runtime;

enum class Operator { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

// Python's operators, with its errors as Failure. Integers have 64 bits; a result beyond is a
// Failure.
Value apply(Runtime& runtime, Operator op, const Value& left, const Value& right);
Value negate(const Value& value);
Value plus(const Value& value);

bool equal(const Value& a, const Value& b);
bool less(const Value& a, const Value& b);
bool compare(Runtime& runtime, Comparison op, const Value& a, const Value& b);
bool contains(Runtime& runtime, const Value& container, const Value& item);
bool truthy(Runtime& runtime, const Value& value);

// len(), nullopt when Python's would fail.
std::optional<int64_t> length_of(Runtime& runtime, const Value& value);
// iter(). Fails when the value is not iterable.
std::unique_ptr<Iterator> iterate(Runtime& runtime, const Value& value);
bool is_iterable(Runtime& runtime, const Value& value);
// Each item costs a step.
std::vector<Value> to_vector(Runtime& runtime, const Value& value);
// Sorts as Python's sorted(): stable; fails on what has no order.
struct Keyed {
  Value key;
  Value value;
};
void sort_keyed(Runtime& runtime, std::vector<Keyed>& items, bool reverse);

// value[key] and value.name as the sandboxed environment does them: Undefined for what is not
// there.
Value get_item(Runtime& runtime, const Value& value, const Value& key);
Value get_attribute(Runtime& runtime, const Value& value, std::string_view name);
// value[start:stop:step]; none = left out.
struct SliceBounds {
  Value start, stop, step;
};
Value get_slice(Runtime& runtime, const Value& value, const SliceBounds& bounds);

// The characters [begin, end) of a text.
Value substring(Runtime& runtime, const Value& text, size_t begin, size_t end);

}  // namespace nalar::chat
