#include "tokenizer/regex.h"

#include "support/catch.h"

namespace nalar::tokenizer {
namespace {

// The matches of a pattern, one behind the other with a bar between them.
std::string matches(const std::string& pattern, std::string_view text) {
  std::string out;
  Regex(pattern).for_each_match(text, [&](TextRange m) {
    if (!out.empty()) out += '|';
    out += text.substr(m.begin, m.end - m.begin);
  });
  return out;
}

}  // namespace

TEST_CASE("patterns mean what they mean in Oniguruma") {
  CHECK(matches(R"(\h+)", "xyz12afG") == "12af");
  CHECK(matches(R"(\H+)", "12xyz") == "xyz");
  CHECK(matches(R"((?m:a.b))", "a\nb") == "a\nb");
  CHECK(matches(R"(a.b)", "a\nb").empty());
  CHECK(matches(R"(a{,2}b)", "aaab") == "aab");
  CHECK(matches(R"(^b$)", "a\nb\nc") == "b");
  CHECK(matches(R"(\v)", "\x0b\n") == "\x0b");
  CHECK(matches(R"(\u00e9+)", "e\u00e9\u00e9") == "\u00e9\u00e9");
  CHECK(matches(R"({a})", "{a}") == "{a}");
  CHECK(matches(R"((?i:'S))", "x's") == "'s");
  CHECK(matches(R"([]a]+)", "b]a[") == "]a");
}

TEST_CASE("white space and words by their Unicode properties") {
  CHECK(matches(R"(\s+)", "a\u0085\u00a0\u3000b\u200bc") == "\u0085\u00a0\u3000");
  CHECK(matches(R"([^\S\n]+)", "a \t\n\u2003b") == " \t|\u2003");
  CHECK(matches(R"([\S])", " \u180e\u200b") == "\u180e|\u200b");
  CHECK(matches(R"(\w+)", "e\u0301t\u203f\u2160 \u24b6-") == "e\u0301t\u203f\u2160|\u24b6");
  CHECK(matches(R"(\bb)", "a\u0301b b") == "b");
  CHECK(matches(R"(\Bb)", "ab b") == "b");
}

TEST_CASE("empty matches are where no match has just ended") {
  std::vector<size_t> places;
  Regex("(?=a)|b").for_each_match("abba",
                                  [&](TextRange m) { places.push_back(m.begin * 10 + m.end); });
  CHECK(places == std::vector<size_t>{0, 12, 23});
}

TEST_CASE("bytes that are no UTF-8 are never part of a match") {
  CHECK(matches("[^a]+",
                "b\xff"
                "c\xc3") == "b|c");
  CHECK(matches(".", "\xe2\x82") == "");
}

}  // namespace nalar::tokenizer
