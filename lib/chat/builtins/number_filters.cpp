#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/utf8.h"
#include "chat/builtins/builtin.h"
#include "chat/builtins/numbers.h"
#include "chat/operators.h"
#include "chat/runtime.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

Value absolute(Runtime&, const Call& call) {
  if (call[0].is_double()) return std::fabs(*call[0].number());
  if (const auto i = call[0].integer()) return *i < 0 ? negate(call[0]) : Value(*i);
  fail(fmt::format("bad operand type for abs(): '{}'", call[0].type_name()));
}

std::optional<int64_t> truncated(double v) {
  if (!std::isfinite(v)) return std::nullopt;
  const double whole = std::trunc(v);
  if (whole < -9223372036854775808.0 || whole >= 9223372036854775808.0) {
    fail("integer overflow: a result beyond 64 bits");
  }
  return static_cast<int64_t>(whole);
}

Value to_integer(Runtime&, const Call& call) {
  const Value absent = call.has(1) ? call[1] : Value(0);
  const Value& value = call[0];
  if (value.is_undefined()) fail(value.undefined().message);
  if (value.is_text()) {
    const std::string_view text = value.text().view();
    if (const auto i = parse_python_int(text, integer_or(call[2], 10))) return *i;
    const auto number = parse_python_float(text);
    const auto whole = number ? truncated(*number) : std::nullopt;
    return whole ? Value(*whole) : absent;
  }
  if (value.is_double()) {
    const double v = *value.number();
    if (std::isinf(v)) fail("cannot convert float infinity to integer");
    const auto whole = truncated(v);
    return whole ? Value(*whole) : absent;
  }
  if (const auto i = value.integer()) return *i;
  return absent;
}

Value to_float(Runtime&, const Call& call) {
  const Value& value = call[0];
  if (value.is_undefined()) fail(value.undefined().message);
  if (const auto number = value.number()) return *number;
  if (value.is_text()) {
    if (const auto number = parse_python_float(value.text().view())) return *number;
  }
  return call.has(1) ? call[1] : Value(0.0);
}

// round() of an int to tens, hundreds …: half to even.
Value round_integer(int64_t value, int64_t precision) {
  if (precision >= 0) return value;
  if (precision < -18) return 0;
  int64_t unit = 1;
  for (int64_t i = precision; i < 0; ++i) unit *= 10;
  const int64_t rest = ((value % unit) + unit) % unit;
  int64_t down = 0;
  if (__builtin_sub_overflow(value, rest, &down)) fail("integer overflow: a result beyond 64 bits");
  const bool up = rest > unit / 2 || (rest == unit / 2 && (down / unit) % 2 != 0);
  if (up && __builtin_add_overflow(down, unit, &down)) {
    fail("integer overflow: a result beyond 64 bits");
  }
  return down;
}

// round() of a float: the nearest decimal of its exact value, half to even.
double round_double(double value, int64_t precision) {
  if (!std::isfinite(value) || precision > 323) return value;
  if (precision < -308) return std::copysign(0.0, value);
  if (precision >= 0) {
    const std::string text = fmt::format("{:.{}f}", value, static_cast<int>(precision));
    return std::strtod(text.c_str(), nullptr);
  }
  const double unit = std::pow(10.0, static_cast<double>(-precision));
  return std::nearbyint(value / unit) * unit;
}

Value rounded(Runtime& runtime, const Call& call) {
  const std::string_view method = call.has(2) ? need_text(call[2], "method").view() : "common";
  const int64_t precision = integer_or(call[1], 0);
  if (method != "common" && method != "ceil" && method != "floor") {
    fail("method must be common, ceil or floor");
  }
  if (!call[0].is_number()) {
    if (call[0].is_undefined()) fail(call[0].undefined().message);
    fail(fmt::format("type {} doesn't define __round__ method", call[0].type_name()));
  }
  if (method == "common") {
    if (!call[0].is_double()) return round_integer(*call[0].integer(), precision);
    return round_double(*call[0].number(), precision);
  }
  const Value unit = apply(runtime, Operator::power, Value(10), Value(precision));
  const Value scaled = apply(runtime, Operator::multiply, call[0], unit);
  Value whole = scaled;
  if (scaled.is_double()) {
    const auto i =
        truncated(method == "ceil" ? std::ceil(*scaled.number()) : std::floor(*scaled.number()));
    if (!i) fail("cannot convert float infinity or NaN to integer");
    whole = *i;
  }
  return apply(runtime, Operator::divide, whole, unit);
}

Value file_size(Runtime& runtime, const Call& call) {
  Call as_float;
  as_float.values = {call[0], Value()};
  const bool is_text_number = call[0].is_text() && parse_python_float(call[0].text().view());
  if (!call[0].is_number() && !is_text_number) fail("could not convert to float");
  const double bytes = *to_float(runtime, as_float).number();
  const bool binary = flag_or(runtime, call[1], false);
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return Value::made("1 Byte");
  if (bytes < base) return Value::made(fmt::format("{} Bytes", truncated(bytes).value_or(0)));
  const std::string_view letters = binary ? "KMGTPEZY" : "kMGTPEZY";
  double unit = base;
  size_t i = 0;
  do {
    unit *= base;
  } while (bytes >= unit && ++i < letters.size());
  i = std::min(i, letters.size() - 1);
  unit = std::pow(base, static_cast<double>(i + 2));
  return Value::made(
      fmt::format("{:.1f} {}{}", base * bytes / unit, letters[i], binary ? "iB" : "B"));
}

Value refused(Runtime&, const Call&) {
  fail("the filter random is not available: a prompt must not depend on chance");
}

constexpr Builtin kFilters[] = {
    {"abs", "x /", absolute},
    {"filesizeformat", "value binary=", file_size},
    {"float", "value default=", to_float},
    {"int", "value default= base=", to_integer},
    {"random", "seq", refused},
    {"round", "value precision= method=", rounded},
};

// The digits without white space around them and single underscores between them; nullopt: badly
// formed.
std::optional<std::string> plain_digits(std::string_view text) {
  size_t begin = 0, end = text.size();
  const auto space = [&](size_t i) {
    return unicode::is_space(static_cast<unsigned char>(text[i]));
  };
  while (begin < end && space(begin)) ++begin;
  while (end > begin && space(end - 1)) --end;
  std::string out;
  for (size_t i = begin; i < end; ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      const auto c = base::decode_utf8(text, i);
      const int digit = unicode::decimal_value(c.code);
      if (digit < 0) return std::nullopt;
      out += static_cast<char>('0' + digit);
      i += static_cast<size_t>(c.length) - 1;
    } else if (text[i] != '_') {
      out += text[i];
    } else if (i == begin || i + 1 == end ||
               !std::isalnum(static_cast<unsigned char>(text[i - 1])) ||
               !std::isalnum(static_cast<unsigned char>(text[i + 1]))) {
      return std::nullopt;
    }
  }
  if (out.empty()) return std::nullopt;
  return out;
}

}  // namespace

std::span<const Builtin> number_filters() { return kFilters; }

std::optional<int64_t> parse_python_int(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  const auto plain = plain_digits(text);
  if (!plain) return std::nullopt;
  std::string_view digits = *plain;
  const bool negative = digits[0] == '-';
  if (digits[0] == '-' || digits[0] == '+') digits.remove_prefix(1);
  if (digits.size() > 2 && digits[0] == '0') {
    const char c = static_cast<char>(digits[1] | 0x20);
    const int64_t named = c == 'x' ? 16 : (c == 'o' ? 8 : (c == 'b' ? 2 : 0));
    if (named != 0 && (base == named || base == 0)) {
      base = named;
      digits.remove_prefix(2);
    }
  }
  if (base == 0) {
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != digits.npos) {
      return std::nullopt;
    }
    base = 10;
  }
  uint64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, value, static_cast<int>(base));
  if (digits.empty() || result.ptr != end) return std::nullopt;
  const uint64_t most = uint64_t{1} << 63;
  if (result.ec != std::errc() || value > most - (negative ? 0 : 1)) {
    fail("integer overflow: a number beyond 64 bits");
  }
  return negative ? static_cast<int64_t>(0 - value) : static_cast<int64_t>(value);
}

std::optional<double> parse_python_float(std::string_view text) {
  const auto plain = plain_digits(text);
  if (!plain) return std::nullopt;
  std::string_view rest = *plain;
  const bool negative = rest[0] == '-';
  if (rest[0] == '-' || rest[0] == '+') rest.remove_prefix(1);
  std::string lower(rest);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (lower.empty() || !(std::isdigit(static_cast<unsigned char>(lower[0])) || lower[0] == '.')) {
      return std::nullopt;
    }
    const auto end = lower.data() + lower.size();
    const auto result = std::from_chars(lower.data(), end, value);
    if (result.ptr != end || result.ec == std::errc::invalid_argument) return std::nullopt;
    if (result.ec == std::errc::result_out_of_range) value = std::strtod(lower.c_str(), nullptr);
  }
  return negative ? -value : value;
}

}  // namespace nalar::chat
