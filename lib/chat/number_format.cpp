#include "chat/number_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

std::string sign_of(bool negative, char wanted) {
  if (negative) return "-";
  return wanted == '-' ? "" : std::string(1, wanted);
}

std::string grouped(const std::string& digits, char separator, size_t size) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string decimal(double value, const FormatSpec& spec, char type) {
  const int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  const auto argument = fmt::make_format_args(value, precision);
  const std::string format = fmt::format("{{:{}.{{}}{}}}", spec.alternate ? "#" : "", type);
  return fmt::vformat(format, argument);
}

// Without a type: as repr, or with a precision as g that keeps a ".0".
std::string general(double value, const FormatSpec& spec) {
  if (spec.precision < 0) return float_repr(value);
  FormatSpec with = spec;
  with.precision = std::max<int64_t>(spec.precision, 1);
  std::string out = decimal(value, with, 'g');
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string magnitude(double value, const FormatSpec& spec) {
  if (!std::isfinite(value)) {
    const bool capitals = spec.type == 'E' || spec.type == 'F' || spec.type == 'G';
    if (std::isnan(value)) return capitals ? "NAN" : "nan";
    return capitals ? "INF" : "inf";
  }
  switch (spec.type) {
    case '\0':
      return general(value, spec);
    case 'n':
      return decimal(value, spec, 'g');
    case '%':
      return decimal(value * 100, spec, 'f') + "%";
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return decimal(value, spec, spec.type);
    default:
      fail(fmt::format("unknown format code '{}' for object of type 'float'",
                       base::escaped(std::string_view(&spec.type, 1))));
  }
}

}  // namespace

std::string format_integer(Budget& budget, int64_t value, const FormatSpec& spec) {
  const bool negative = value < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits, prefix;
  size_t group = 4;
  switch (spec.type) {
    case '\0':
    case 'd':
    case 'n':
      digits = fmt::format("{}", size);
      group = 3;
      break;
    case 'b':
      digits = fmt::format("{:b}", size);
      prefix = "0b";
      break;
    case 'o':
      digits = fmt::format("{:o}", size);
      prefix = "0o";
      break;
    case 'x':
      digits = fmt::format("{:x}", size);
      prefix = "0x";
      break;
    case 'X':
      digits = fmt::format("{:X}", size);
      prefix = "0X";
      break;
    case 'c': {
      if (negative || size >= 0x110000 || (size >= 0xD800 && size < 0xE000)) {
        fail("%c arg not in range(0x110000)");
      }
      base::append_utf8(digits, static_cast<char32_t>(size));
      return digits;
    }
    default:
      return format_double(budget, static_cast<double>(value), spec);
  }
  if (spec.precision > static_cast<int64_t>(digits.size())) {  // of %-conversions
    budget.text_size(static_cast<size_t>(spec.precision));
    digits.insert(0, static_cast<size_t>(spec.precision) - digits.size(), '0');
  }
  if (spec.grouping != '\0') digits = grouped(digits, spec.grouping, group);
  return sign_of(negative, spec.sign) + (spec.alternate ? prefix : "") + digits;
}

std::string format_double(Budget& budget, double value, const FormatSpec& spec) {
  if (spec.precision > 0) budget.text_size(static_cast<size_t>(spec.precision));
  budget.bytes(static_cast<size_t>(std::max<int64_t>(spec.precision, 0)));
  std::string digits = magnitude(std::fabs(value), spec);
  if (spec.grouping != '\0') {
    const size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
    digits = grouped(digits.substr(0, whole), spec.grouping, 3) + digits.substr(whole);
  }
  return sign_of(std::signbit(value) && !std::isnan(value), spec.sign) + digits;
}

std::string pad_number(Budget& budget, const std::string& body, const FormatSpec& spec) {
  const auto length = static_cast<int64_t>(Text(body, kTemplate).length());
  if (spec.width <= length) return body;
  const int64_t lacking = spec.width - length;
  budget.text_size(static_cast<size_t>(spec.width) * spec.fill.size());
  budget.bytes(static_cast<size_t>(spec.width) * spec.fill.size());
  const auto fill = [&spec](int64_t n) {
    std::string out;
    for (int64_t i = 0; i < n; ++i) out += spec.fill;
    return out;
  };
  switch (spec.align) {
    case '<':
      return body + fill(lacking);
    case '^':
      return fill(lacking / 2) + body + fill(lacking - lacking / 2);
    case '=': {
      size_t head = body.find_first_of("+- ") == 0 ? 1 : 0;
      if (spec.alternate && body.size() > head + 1 && body[head] == '0' &&
          std::isalpha(static_cast<unsigned char>(body[head + 1])) != 0) {
        head += 2;
      }
      return body.substr(0, head) + fill(lacking) + body.substr(head);
    }
    default:
      return fill(lacking) + body;
  }
}

}  // namespace nalar::chat
