#pragma once

#include <cstdint>
#include <string>

#include "chat/text.h"

namespace nalar::chat {

// A format specification: [[fill]align][sign][#][0][width][,][.precision][type], or what a
// %-conversion says.
struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =, or none given
  char sign = '-';    // - + or a blank
  bool alternate = false;
  int64_t width = 0;
  char grouping = '\0';  // , _
  int64_t precision = -1;
  char type = '\0';
};

// The digits of an integer as b c d o x X, or of a double as e E f F g G % (type 0: the shortest),
// with sign, prefix and grouping, not yet padded. Failure for another type.
std::string format_integer(Budget& budget, int64_t value, const FormatSpec& spec);
std::string format_double(Budget& budget, double value, const FormatSpec& spec);
// A formatted number at its width; '=' puts the padding behind sign and prefix.
std::string pad_number(Budget& budget, const std::string& body, const FormatSpec& spec);

}  // namespace nalar::chat
