#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "chat/object.h"
#include "chat/value.h"

namespace nalar::chat {

class Runtime;

// What a builtin is called with: a value for each of its parameters, missing where none was given,
// and the arguments that fit no parameter.
struct Call {
  std::vector<Value> values;
  Arguments rest;

  const Value& operator[](size_t i) const { return values[i]; }
  bool has(size_t i) const { return !values[i].is_missing(); }
};

// A filter, test, method or global function, as data.
struct Builtin {
  std::string_view name;
  // The names of the parameters, apart by blanks. "x=" may be left out; "/" follows the ones that
  // have no keyword;
  // "*" stands for any number of further positional arguments, "**" for any keywords.
  std::string_view parameters;
  Value (*call)(Runtime& runtime, const Call& call);
};

// Binds the arguments as Python does and calls. Failure: too many, missing, unknown or doubled
// arguments.
Value invoke(Runtime& runtime, const Builtin& builtin, Arguments arguments);

// nullptr when there is none of that name.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);

// The tables, one for each file of builtins/.
std::span<const Builtin> text_filters();
std::span<const Builtin> layout_filters();
std::span<const Builtin> html_filters();
std::span<const Builtin> number_filters();
std::span<const Builtin> sequence_filters();
std::span<const Builtin> select_filters();
std::span<const Builtin> order_filters();
std::span<const Builtin> text_methods();
std::span<const Builtin> search_methods();
std::span<const Builtin> predicate_methods();

// Arguments of builtins. Each fails as Python would for another type; `what` names it.
int64_t need_integer(const Value& value);
const Text& need_text(const Value& value, std::string_view what);
// The argument, or the default when it was left out.
int64_t integer_or(const Value& value, int64_t absent);
bool flag_or(Runtime& runtime, const Value& value, bool absent);

}  // namespace nalar::chat
