#include <algorithm>
#include <unordered_map>

#include "chat/builtins/builtin.h"
#include "chat/builtins/methods.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

Value rest_of(Runtime& runtime, const Value& value, const Value& divisor) {
  return apply(runtime, Operator::modulo, value, divisor);
}

Value is_odd(Runtime& runtime, const Call& call) {
  return equal(rest_of(runtime, call[0], Value(2)), Value(1));
}
Value is_even(Runtime& runtime, const Call& call) {
  return equal(rest_of(runtime, call[0], Value(2)), Value(0));
}
Value is_divisible(Runtime& runtime, const Call& call) {
  return equal(rest_of(runtime, call[0], call[1]), Value(0));
}
Value is_defined(Runtime&, const Call& call) { return !call[0].is_undefined(); }
Value is_undefined(Runtime&, const Call& call) { return call[0].is_undefined(); }
Value is_filter(Runtime&, const Call& call) {
  hash_of(call[0]);  // fails for a list or dict, as the look-up in Python does
  return call[0].is_text() && find_filter(call[0].text().view()) != nullptr;
}
Value is_test(Runtime&, const Call& call) {
  hash_of(call[0]);
  return call[0].is_text() && find_test(call[0].text().view()) != nullptr;
}
Value is_none(Runtime&, const Call& call) { return call[0].is_none(); }
Value is_boolean(Runtime&, const Call& call) { return call[0].is_bool(); }
Value is_false(Runtime&, const Call& call) { return call[0].is_bool() && !call[0].boolean(); }
Value is_true(Runtime&, const Call& call) { return call[0].is_bool() && call[0].boolean(); }
Value is_integer(Runtime&, const Call& call) { return call[0].kind() == Value::Kind::integer; }
Value is_float(Runtime&, const Call& call) { return call[0].is_double(); }
Value is_string(Runtime&, const Call& call) { return call[0].is_text(); }
Value is_mapping(Runtime&, const Call& call) { return call[0].is_dict(); }
Value is_number(Runtime&, const Call& call) { return call[0].is_number(); }
Value is_callable(Runtime&, const Call& call) {
  // An Undefined has a method for being called, if only to fail.
  return call[0].is_undefined() || (call[0].is_object() && call[0].object().is_callable());
}
Value is_sequence(Runtime&, const Call& call) {
  const Value& v = call[0];
  return v.is_text() || v.is_list() || v.is_tuple() || v.is_dict() || v.is_undefined() ||
         (v.is_object() && v.object().is_sequence());
}
Value is_iterable_value(Runtime& runtime, const Call& call) {
  return is_iterable(runtime, call[0]);
}
Value is_same(Runtime&, const Call& call) { return call[0].same_as(call[1]); }
Value is_escaped(Runtime&, const Call& call) {
  return call[0].is_text() && call[0].text().markup();
}

template <bool upper>
Value has_case(Runtime& runtime, const Call& call) {
  const Value text = str_of(runtime, call[0]);
  return runtime.call(find_method(text, upper ? "isupper" : "islower"), {});
}

template <Comparison comparison>
Value compared(Runtime& runtime, const Call& call) {
  return compare(runtime, comparison, call[0], call[1]);
}

constexpr Builtin kTests[] = {
    {"!=", "a b /", compared<Comparison::not_equal>},
    {"<", "a b /", compared<Comparison::less>},
    {"<=", "a b /", compared<Comparison::less_equal>},
    {"==", "a b /", compared<Comparison::equal>},
    {">", "a b /", compared<Comparison::greater>},
    {">=", "a b /", compared<Comparison::greater_equal>},
    {"boolean", "value", is_boolean},
    {"callable", "obj /", is_callable},
    {"defined", "value", is_defined},
    {"divisibleby", "value num", is_divisible},
    {"eq", "a b /", compared<Comparison::equal>},
    {"equalto", "a b /", compared<Comparison::equal>},
    {"escaped", "value", is_escaped},
    {"even", "value", is_even},
    {"false", "value", is_false},
    {"filter", "value", is_filter},
    {"float", "value", is_float},
    {"ge", "a b /", compared<Comparison::greater_equal>},
    {"greaterthan", "a b /", compared<Comparison::greater>},
    {"gt", "a b /", compared<Comparison::greater>},
    {"in", "value seq", compared<Comparison::in>},
    {"integer", "value", is_integer},
    {"iterable", "value", is_iterable_value},
    {"le", "a b /", compared<Comparison::less_equal>},
    {"lessthan", "a b /", compared<Comparison::less>},
    {"lower", "value", has_case<false>},
    {"lt", "a b /", compared<Comparison::less>},
    {"mapping", "value", is_mapping},
    {"ne", "a b /", compared<Comparison::not_equal>},
    {"none", "value", is_none},
    {"number", "value", is_number},
    {"odd", "value", is_odd},
    {"sameas", "value other", is_same},
    {"sequence", "value", is_sequence},
    {"string", "value", is_string},
    {"test", "value", is_test},
    {"true", "value", is_true},
    {"undefined", "value", is_undefined},
    {"upper", "value", has_case<true>},
};

}  // namespace

const Builtin* find_test(std::string_view name) {
  const auto it = std::lower_bound(
      std::begin(kTests), std::end(kTests), name,
      [](const Builtin& builtin, std::string_view sought) { return builtin.name < sought; });
  return it != std::end(kTests) && it->name == name ? &*it : nullptr;
}

}  // namespace nalar::chat
