#include "model/config_value.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <cmath>

#include "base/utf8.h"

namespace nalar::model {

void fail_value(std::string_view key, std::string_view got, std::string_view need) {
  throw Error(ErrorKind::bad_data, fmt::format("key {}: got {}, need {}", base::escaped(key),
                                               base::escaped(got, 80), need));
}

void fail_missing(std::string_view key, std::string_view need) {
  throw Error(ErrorKind::bad_data,
              fmt::format("key {} is missing: need {}", base::escaped(key), need));
}

void fail_unsupported(std::string_view key, std::string_view got) {
  throw Error(ErrorKind::bad_data, fmt::format("key {}: got {}, which is not supported",
                                               base::escaped(key), base::escaped(got, 80)));
}

std::string need_text(IntRange range) {
  return fmt::format("an integer in {}..{}", range.min, range.max);
}

std::string need_text(NumberRange range) {
  if (range.min == kPositive.min) return "a finite number > 0";
  if (range.max == kPositive.max) return fmt::format("a finite number >= {}", range.min);
  return fmt::format("a number in {}..{}", range.min, range.max);
}

int64_t check(std::string_view key, std::optional<int64_t> value, IntRange range,
              std::string_view got) {
  if (!value || *value < range.min || *value > range.max) fail_value(key, got, need_text(range));
  return *value;
}

double check(std::string_view key, std::optional<double> value, NumberRange range,
             std::string_view got) {
  const bool inside = value && std::isfinite(*value) && *value >= range.min && *value <= range.max;
  if (!inside) fail_value(key, got, need_text(range));
  return *value;
}

void check_multiple(NamedValue whole, NamedValue part) {
  if (whole.value % part.value == 0) return;
  throw Error(ErrorKind::bad_data, fmt::format("keys {} and {} do not fit: {} is no multiple of {}",
                                               whole.key, part.key, whole.value, part.value));
}

}  // namespace nalar::model
