#pragma once

#include <span>
#include <string_view>

#include "chat/builtins/builtin.h"
#include "chat/value.h"

namespace nalar::chat {

// The method of Python's str, list, tuple, dict, int, float …, bound to the value; of a group also
// its fields. Missing when that type has none of that name.
Value find_method(const Value& value, std::string_view name);
// Whether it is one of the methods that the immutable sandbox keeps from a list or dict.
bool is_mutating_method(const Value& value, std::string_view name);

}  // namespace nalar::chat
