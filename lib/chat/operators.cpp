#include "chat/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "chat/runtime.h"

namespace nalar::chat {
namespace {

constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

[[noreturn]] void overflow() { fail("integer overflow: a result beyond 64 bits"); }

[[noreturn]] void unsupported(Operator op, const Value& left, const Value& right) {
  fail(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'",
                   kSymbols[static_cast<size_t>(op)], left.type_name(), right.type_name()));
}

void need_defined(const Value& value) {
  if (value.is_undefined()) fail(value.undefined().message);
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (b == -1) {
    if (a == std::numeric_limits<int64_t>::min()) overflow();
    return -a;
  }
  const int64_t quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

int64_t modulo(int64_t a, int64_t b) {
  if (b == 0) fail("integer modulo by zero");
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return (rest != 0 && (rest < 0) != (b < 0)) ? rest + b : rest;
}

double modulo(double a, double b) {
  if (b == 0) fail("float modulo");
  double rest = std::fmod(a, b);
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) rest += b;
  } else {
    rest = std::copysign(0.0, b);
  }
  return rest;
}

double floor_divide(double a, double b) {
  if (b == 0) fail("float floor division by zero");
  const double rest = modulo(a, b);
  const double quotient = (a - rest) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

Value power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail("0.0 cannot be raised to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  int64_t result = 1;
  while (true) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) overflow();
    exponent >>= 1;
    if (exponent == 0) return result;
    // A base that overflows here would be multiplied into the result later on.
    if (__builtin_mul_overflow(base, base, &base)) overflow();
  }
}

Value power(double base, double exponent) {
  if (base == 0 && exponent < 0) fail("0.0 cannot be raised to a negative power");
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) {
    fail("(34, 'Numerical result out of range')");
  }
  if (std::isnan(result) && !std::isnan(base) && !std::isnan(exponent)) {
    fail("complex numbers are not available");
  }
  return result;
}

Value integers(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Operator::add:
      if (__builtin_add_overflow(a, b, &result)) overflow();
      return result;
    case Operator::subtract:
      if (__builtin_sub_overflow(a, b, &result)) overflow();
      return result;
    case Operator::multiply:
      if (__builtin_mul_overflow(a, b, &result)) overflow();
      return result;
    case Operator::divide:
      if (b == 0) fail("division by zero");
      return static_cast<double>(a) / static_cast<double>(b);
    case Operator::floor_divide:
      return floor_divide(a, b);
    case Operator::modulo:
      return modulo(a, b);
    case Operator::power:
      return power(a, b);
  }
  overflow();
}

Value doubles(Operator op, double a, double b) {
  switch (op) {
    case Operator::add:
      return a + b;
    case Operator::subtract:
      return a - b;
    case Operator::multiply:
      return a * b;
    case Operator::divide:
      if (b == 0) fail("float division by zero");
      return a / b;
    case Operator::floor_divide:
      return floor_divide(a, b);
    case Operator::modulo:
      return modulo(a, b);
    case Operator::power:
      return power(a, b);
  }
  overflow();
}

Value concatenate(Runtime& runtime, const Value& left, const Value& right) {
  const bool markup = left.text().markup() || right.text().markup();
  TextBuilder out(runtime.budget());
  out.add((markup ? escape_html(runtime, left) : left).text());
  out.add((markup ? escape_html(runtime, right) : right).text());
  return out.finish(markup);
}

Value add_sequences(Runtime& runtime, const Value& left, const Value& right) {
  std::vector<Value> items = left.sequence().items;
  const auto& more = right.sequence().items;
  runtime.budget().step(static_cast<int64_t>(items.size() + more.size()));
  items.insert(items.end(), more.begin(), more.end());
  return left.is_list() ? make_list(runtime.budget(), std::move(items))
                        : make_tuple(runtime.budget(), std::move(items));
}

Value repeat(Runtime& runtime, const Value& value, int64_t times) {
  if (value.is_text()) {
    TextBuilder out(runtime.budget());
    out.add_times(value.text(), 0, value.text().view().size(), times);
    return out.finish(value.text().markup());
  }
  const auto& items = value.sequence().items;
  std::vector<Value> out;
  if (times > 0 && !items.empty()) {
    int64_t n = 0;
    if (__builtin_mul_overflow(times, static_cast<int64_t>(items.size()), &n)) {
      n = std::numeric_limits<int64_t>::max();
    }
    runtime.budget().step(n);
    out.reserve(static_cast<size_t>(n));
    for (int64_t i = 0; i < times; ++i) out.insert(out.end(), items.begin(), items.end());
  }
  return value.is_list() ? make_list(runtime.budget(), std::move(out))
                         : make_tuple(runtime.budget(), std::move(out));
}

bool is_repeatable(const Value& v) { return v.is_text() || v.is_list() || v.is_tuple(); }

}  // namespace

Value apply(Runtime& runtime, Operator op, const Value& left, const Value& right) {
  if (op == Operator::modulo && left.is_text()) {
    return printf_format(runtime, left.text(), right);
  }
  if (left.kind() == Value::Kind::integer && right.kind() == Value::Kind::integer) {
    return integers(op, *left.integer(), *right.integer());
  }
  need_defined(left);
  need_defined(right);
  if (left.is_number() && right.is_number()) {
    if (!left.is_double() && !right.is_double()) {
      return integers(op, *left.integer(), *right.integer());
    }
    return doubles(op, *left.number(), *right.number());
  }
  if (op == Operator::add) {
    if (left.is_text() && right.is_text()) return concatenate(runtime, left, right);
    if ((left.is_list() && right.is_list()) || (left.is_tuple() && right.is_tuple())) {
      return add_sequences(runtime, left, right);
    }
  }
  if (op == Operator::multiply) {
    if (is_repeatable(left) && right.integer()) return repeat(runtime, left, *right.integer());
    if (is_repeatable(right) && left.integer()) return repeat(runtime, right, *left.integer());
  }
  unsupported(op, left, right);
}

Value negate(const Value& value) {
  need_defined(value);
  if (value.is_double()) return -*value.number();
  if (const auto i = value.integer()) {
    if (*i == std::numeric_limits<int64_t>::min()) overflow();
    return -*i;
  }
  fail(fmt::format("bad operand type for unary -: '{}'", value.type_name()));
}

Value plus(const Value& value) {
  need_defined(value);
  if (value.is_double()) return value;
  if (const auto i = value.integer()) return *i;
  fail(fmt::format("bad operand type for unary +: '{}'", value.type_name()));
}

}  // namespace nalar::chat
