#pragma once

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/terminal_text.h>

#include <charconv>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

namespace nalar::apps {

// The values an option takes, both ends included. Infinite ends are left out of messages.
template <typename T>
struct Range {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
};

template <typename T>
std::string describe(const Range<T>& range) {
  constexpr const char* kNoun = std::integral<T> ? "an integer" : "a number";
  if (range.high != std::numeric_limits<T>::max() || std::integral<T>) {
    return fmt::format("{} in {}..{}", kNoun, range.low, range.high);
  }
  if (range.low != std::numeric_limits<T>::lowest())
    return fmt::format("{} ≥ {}", kNoun, range.low);
  return kNoun;
}

// The whole text as a number of this range; never wraps, saturates or stops half-way, and knows no
// locale. Errors: usage, "NAME: got TEXT, need …".
template <typename T>
T parse_number(std::string_view name, std::string_view text, const Range<T>& range) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  // NaN is in no range.
  const bool fits =
      error == std::errc{} && stop == end && value >= range.low && value <= range.high;
  if (!fits) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: got \"{}\", need {}", name, printable(text, 60), describe(range)));
  }
  return value;
}

}  // namespace nalar::apps
