#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "chat/budget.h"

namespace nalar::chat {

struct WrapStyle {
  int64_t width = 79;  // characters
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

struct WrappedLine {
  size_t begin, end;  // bytes of the paragraph
};

// The lines of a paragraph, as Python's textwrap.wrap cuts it (tabs and other white space left as
// they are).
std::vector<WrappedLine> wrap(Budget& budget, std::string_view paragraph, const WrapStyle& style);

}  // namespace nalar::chat
