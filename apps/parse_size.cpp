#include "parse_size.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/terminal_text.h>

#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace nalar::apps {

int64_t parse_size(std::string_view name, std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"TiB", 0x1p40}, {"GiB", 0x1p30}, {"MiB", 0x1p20}, {"KiB", 0x1p10}, {"TB", 1e12},
      {"GB", 1e9},     {"MB", 1e6},     {"kB", 1e3},     {"B", 1}};
  std::string_view number = text;
  double unit = 1;
  for (const auto& [word, bytes] : kUnits) {
    if (!text.ends_with(word)) continue;
    number.remove_suffix(word.size());
    unit = bytes;
    break;
  }
  while (number.ends_with(' ')) number.remove_suffix(1);
  double value = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  const double bytes = value * unit;
  if (error != std::errc{} || stop != end || !(bytes >= 1 && bytes <= 0x1p60)) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: got \"{}\", need a size as 4GiB, 500MB or 123456", name,
                            printable(text, 60)));
  }
  return std::llround(bytes);
}

}  // namespace nalar::apps
