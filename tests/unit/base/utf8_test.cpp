#include "base/utf8.h"

#include "support/catch.h"

namespace nalar::base {

TEST_CASE("invalid bytes become one U+FFFD a maximal prefix") {
  CHECK(to_valid_utf8("a\xc3\xa9z") == "a\xc3\xa9z");
  CHECK(to_valid_utf8("\x80") == "\uFFFD");
  CHECK(to_valid_utf8("\xe2\x82") == "\uFFFD");
  CHECK(to_valid_utf8("\xf0\x9f\x98z") == "\uFFFDz");
  CHECK(to_valid_utf8("\xc0\xaf") == "\uFFFD\uFFFD");
  CHECK(to_valid_utf8("\xed\xa0\x80") == "\uFFFD\uFFFD\uFFFD");
  CHECK(to_valid_utf8("\xf4\x90\x80\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("an incomplete tail is what could still be completed") {
  CHECK(incomplete_tail("abc") == 0);
  CHECK(incomplete_tail("") == 0);
  CHECK(incomplete_tail("a\xe2") == 1);
  CHECK(incomplete_tail("a\xe2\x82") == 2);
  CHECK(incomplete_tail("\xf0\x9f\x98") == 3);
  CHECK(incomplete_tail("\xe2\x82\xac") == 0);
  CHECK(incomplete_tail("\x80\x80") == 0);
  CHECK(incomplete_tail("\xff") == 0);
}

TEST_CASE("append and decode are inverse") {
  for (const char32_t c : {U'\x41', U'\u00e9', U'\u20ac', U'\U0001F600', U'\U0010FFFF'}) {
    std::string s;
    append_utf8(s, c);
    const Utf8Char d = decode_utf8(s, 0);
    CHECK(d.valid);
    CHECK(d.code == c);
    CHECK(static_cast<size_t>(d.length) == s.size());
  }
}

TEST_CASE("escaped shows what would steer a terminal and cuts what is long") {
  CHECK(escaped("a\x1b[0m\n\t\x7f") == "a\\x1b[0m\\n\\t\\x7f");
  CHECK(escaped("\u202e\u009b") == "\\u{202e}\\u{9b}");
  CHECK(escaped("\xff") == "\\xff");
  CHECK(escaped("abcdef", 3) == "abc…");
}

}  // namespace nalar::base
