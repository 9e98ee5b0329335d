#pragma once

#include <ctime>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/budget.h"
#include "chat/object.h"
#include "chat/value.h"

namespace nalar::chat {

// What printing, iterating or testing a name that is not there does: nothing (jinja2's Undefined),
// or fail (its StrictUndefined).
enum class OnUndefined { ignore, fail };

// What one rendering is made of besides the template: its budget, and the tables that calls go
// through.
class Runtime {
 public:
  // clock: see ChatTemplate::set_clock.
  explicit Runtime(const TemplateLimits& limits, std::optional<int64_t> clock = std::nullopt,
                   OnUndefined on_undefined = OnUndefined::ignore)
      : budget_(limits), clock_(clock), on_undefined_(on_undefined) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Budget& budget() { return budget_; }
  std::optional<int64_t> clock() const { return clock_; }
  // Before an undefined value is taken for nothing.
  void may_ignore(const Value& undefined) const {
    if (on_undefined_ == OnUndefined::fail) fail(undefined.undefined().message);
  }

  // callee(arguments…). Fails for what cannot be called.
  Value call(const Value& callee, Arguments arguments);
  // The filter or test of that name; the value it is applied to is the first argument.
  Value filter(std::string_view name, Arguments arguments);
  bool test(std::string_view name, Arguments arguments);

  // Objects that are given values later on can come to hold themselves: they are released when the
  // rendering ends.
  void keep(std::shared_ptr<Object> object) { kept_.push_back(std::move(object)); }

 private:
  Budget budget_;
  std::optional<int64_t> clock_;
  OnUndefined on_undefined_;
  std::vector<std::shared_ptr<Object>> kept_;
};

// Python's str() and repr(), as texts. A text made of a container is the template's only if all
// texts in it are; numbers, booleans and None always are.
Value str_of(Runtime& runtime, const Value& value);
Value repr_of(Runtime& runtime, const Value& value);
// float.__repr__.
std::string float_repr(double value);
// repr() of a str.
std::string quoted(std::string_view text);

// json.dumps.
struct JsonStyle {
  bool ascii = false;
  bool sorted = false;
  std::optional<std::string> indent;  // of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
Value json_dumps(Runtime& runtime, const Value& value, const JsonStyle& style);

// `text` % values, and text.format(…).
Value printf_format(Runtime& runtime, const Text& format, const Value& values);
Value brace_format(Runtime& runtime, const Text& format, const Arguments& arguments);
// format(value, spec).
Value format_value(Runtime& runtime, const Value& value, const Text& spec);

// markupsafe.escape: Markup is left alone. `again`: it is not.
Value escape_html(Runtime& runtime, const Value& value, bool again = false);

// datetime.now().strftime(format): the runtime's clock or SOURCE_DATE_EPOCH in UTC, or the local
// time.
Value strftime_now(Runtime& runtime, const Text& format);

}  // namespace nalar::chat
