#include "report/html_text.h"

#include <nalar/terminal_text.h>

namespace nalar::report {
namespace {

const char* entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

}  // namespace

std::string html_text(std::string_view text) {
  TerminalFilter filter;
  const std::string shown = filter.push(text) + filter.finish();
  std::string out;
  for (size_t i = 0; i < shown.size(); ++i) {
    // U+FFFE and U+FFFF are characters of UTF-8 but of no document.
    const std::string_view three = std::string_view(shown).substr(i, 3);
    if (three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") {
      out += "\xEF\xBF\xBD";
      i += 2;
    } else if (const char* name = entity(shown[i])) {
      out += name;
    } else {
      out += shown[i];
    }
  }
  return out;
}

}  // namespace nalar::report
