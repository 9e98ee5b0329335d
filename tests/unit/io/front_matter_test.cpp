#include "io/front_matter.h"

#include "base/utf8.h"
#include "support/catch.h"

namespace nalar::io {
namespace {

std::string card(const std::string& value) { return "---\ntags:\n- a\nkey: " + value + "\n---\n"; }

}  // namespace

TEST_CASE("values of every form that one line can have") {
  const std::pair<const char*, const char*> kValues[] = {
      {"mit", "mit"},
      {"  apache-2.0 \t", "apache-2.0"},
      {"mit # as the base", "mit"},
      {"a#b: c", "a#b: c"},
      {R"("mit")", "mit"},
      {R"("a # b" # c)", "a # b"},
      {R"("a \"b\" \\ \/ \x41\u00e9\U0001F600\e")", "a \"b\" \\ / A\u00e9\U0001F600\x1b"},
      {R"("")", ""},
      {"'it''s'", "it's"},
      {R"('a \n "b"' # c)", R"(a \n "b")"}};
  for (const auto& [text, value] : kValues) {
    INFO(text);
    CHECK(front_matter(card(text), "key") == value);
  }
}

TEST_CASE("what is no such value is none") {
  for (const char* text :
       {"",        "  # nothing", "[a, b]",      "{a: b}",          "|",           ">-",   "&x a",
        "*x",      "!!str a",     "\"a",         "\"a\" b",         "\"a\"#b",     "'a",   "'a'b",
        R"("\q")", R"("\x4")",    R"("\ud800")", R"("\U00110000")", R"("\u+123")", R"("\)"}) {
    INFO(text);
    CHECK_FALSE(front_matter(card(text), "key"));
  }
}

TEST_CASE("the block ends, begins and breaks its lines as people write it") {
  CHECK(front_matter("---\r\nlicense: mit\r\nkey: \"a\"\r\n---\r\nText", "license") == "mit");
  CHECK(front_matter("---\r\nlicense: mit\r\nkey: \"a\"\r\n---\r\nText", "key") == "a");
  CHECK_FALSE(front_matter("---\na: b\n---\nkey: c\n", "key"));
  CHECK_FALSE(front_matter("# Title\nkey: c\n", "key"));
  CHECK_FALSE(front_matter("---\nkeys: c\n key: d\n---\n", "key"));
  CHECK_FALSE(front_matter("---\nkey", "key"));
  CHECK_FALSE(front_matter("", "key"));
  CHECK(front_matter("---\nkey: c", "key") == "c");
}

TEST_CASE("a quoted value is read as it was, on one line of printable characters") {
  for (uint32_t first = 0; first < 0x110000; first += 64) {
    std::string text;
    for (uint32_t code = first; code < first + 64; ++code) {
      if (code < 0xD800 || code > 0xDFFF) base::append_utf8(text, code);
    }
    const std::string quoted = quoted_yaml(text);
    REQUIRE(front_matter(card(quoted), "key") == text);
    REQUIRE(quoted.find_first_of("\n\r\t") == quoted.npos);
  }
  for (const char* text : {"no", "null", "1.0", "- a", "a: b", "#", "'", "---", " a "}) {
    CHECK(front_matter(card(quoted_yaml(text)), "key") == text);
  }
  CHECK(quoted_yaml("a\xff\nb\x7f") == "\"a\uFFFD\\u000ab\\u007f\"");
}

}  // namespace nalar::io
