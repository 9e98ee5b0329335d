#include <nalar/terminal_text.h>

#include <array>

#include "support/catch.h"

namespace nalar {
namespace {

std::string whole(std::string_view text) {
  TerminalFilter filter;
  const std::string shown = filter.push(text);
  return shown + filter.finish();
}

bool obeyed_by_a_terminal(std::string_view shown) {
  for (const char c : shown) {
    const auto b = static_cast<unsigned char>(c);
    if ((b < 0x20 && c != '\n' && c != '\t') || b == 0x7F) return true;
  }
  return shown.find("\xc2\x9b") != std::string_view::npos;
}

struct Case {
  std::string_view text, shown;
};
constexpr std::array kCases = {
    Case{"plain\n\ttext é 😀", "plain\n\ttext é 😀"},
    Case{"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
    Case{"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
    Case{"\x1b]52;c;aGk=\x1b\\", "\\x1b]52;c;aGk=\\x1b\\"},
    Case{"\x1b]8;;http://a\x1b\\link", "\\x1b]8;;http://a\\x1b\\link"},
    Case{"\x1bP$qm\x1b\\", "\\x1bP$qm\\x1b\\"},
    Case{"\xc2\x9b"
         "31m",
         "\\u{9b}31m"},
    Case{"\x9b"
         "31m",
         "\\x9b31m"},
    Case{"over\rwritten", "over\\x0dwritten"},
    Case{"line\r\nline\r\n", "line\nline\n"},
    Case{"end\r", "end\\x0d"},
    Case{"\r\r\n", "\\x0d\n"},
    Case{"a\x08\x7f\x07", "a\\x08\\x7f\\x07"},
    Case{"\u202Eevil\u2066", "\\u{202e}evil\\u{2066}"},
    Case{"\U000E0041", "\\u{e0041}"},
    Case{"\xe2\x82", "\\xe2\\x82"},
    Case{"\xf0\x9f\x98z\xc0\xaf", "\\xf0\\x9f\\x98z\\xc0\\xaf"},
};

}  // namespace

TEST_CASE("control sequences are shown, not obeyed") {
  for (const Case& c : kCases) {
    CHECK(whole(c.text) == c.shown);
    CHECK_FALSE(obeyed_by_a_terminal(whole(c.text)));
  }
  CHECK(whole(std::string_view("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("a stream may be cut at every byte") {
  for (const Case& c : kCases) {
    TerminalFilter by_byte;
    std::string shown;
    for (const char byte : c.text) shown += by_byte.push({&byte, 1});
    CHECK(shown + by_byte.finish() == c.shown);
    for (size_t cut = 0; cut <= c.text.size(); ++cut) {
      TerminalFilter filter;
      std::string parts = filter.push(c.text.substr(0, cut));
      parts += filter.push(c.text.substr(cut));
      CHECK(parts + filter.finish() == c.shown);
    }
  }
}

TEST_CASE("every pair of bytes is safe and independent of the cut") {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string pair{static_cast<char>(a), static_cast<char>(b)};
      const std::string shown = whole(pair);
      TerminalFilter filter;
      std::string parts = filter.push(pair.substr(0, 1));
      parts += filter.push(pair.substr(1));
      parts += filter.finish();
      if (obeyed_by_a_terminal(shown) || parts != shown) FAIL("bytes " << a << " " << b);
    }
  }
}

TEST_CASE("a message is one line") {
  CHECK(printable("a\nb\t\x1b") == "a\\nb\\t\\x1b");
  CHECK(printable("abcdef", 3) == "abc…");
}

}  // namespace nalar
