#include "eval/filters.h"

#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::eval {
namespace {

using Catch::Contains;
using nalar::test::error_of;

std::string filtered(const char* filter, const char* answer) {
  const Json list = parse_json(std::string(R"([{"name": "f", "filter": )") + filter + "}]");
  return read_filters(list).front().apply(answer);
}

constexpr const char* kFlexible =
    R"json([{"function": "regex", "group_select": -1,
             "regex_pattern": "(-?[$0-9.,]{2,})|(-?[0-9]+)"},
            {"function": "take_first"}])json";

TEST_CASE("regex: groups, the n-th match, the fallback") {
  constexpr const char* kStrict = R"([{"function": "regex"}])";
  CHECK(filtered(kStrict, "so #### 1,234.5 and #### 7") == "1,234.5");
  CHECK(filtered(kStrict, "none") == "[invalid]");
  CHECK(filtered(kFlexible, "3 and 12 are 15") == "15");
  CHECK(filtered(kFlexible, "it is 4") == "4");
  CHECK(filtered(kFlexible, "") == "[invalid]");
  CHECK(filtered(R"([{"function": "regex", "regex_pattern": "(a)?(b)?c", "fallback": "-"}])",
                 "c") == "-");
  CHECK(filtered(R"([{"function": "regex", "regex_pattern": " x+ ", "group_select": 1}])",
                 "x  x   xx ") == "xx");
  CHECK(filtered(R"([{"function": "regex", "regex_pattern": "x", "group_select": 5}])", "xx") ==
        "[invalid]");
}

TEST_CASE("the other filters") {
  CHECK(filtered(R"([{"function": "lowercase"}, {"function": "strip"}])", " \tÄB\u00a0") == "äb");
  CHECK(filtered(R"([{"function": "uppercase"}])", "straße") == "STRASSE");
  CHECK(filtered(R"([{"function": "number"}])", "12 of 1,234.50 (-7) end") == "-7");
  CHECK(filtered(R"([{"function": "number"}])", "about 1,234,567.") == "1234567");
  CHECK(filtered(R"([{"function": "number", "fallback": "?"}])", "none") == "?");
}

TEST_CASE("a filter that is wrong is told by its field") {
  const auto error = [](const char* filter) { return error_of([&] { filtered(filter, ""); }); };
  CHECK_THAT(error(R"([{"function": "rot13"}])"),
             Contains("field filter_list[0].filter[0].function: got \"rot13\""));
  CHECK_THAT(error(R"([{"function": "regex", "regex_pattern": "("}])"),
             Contains("field filter_list[0].filter[0].regex_pattern: got invalid pattern"));
  CHECK_THAT(error(R"([{"function": "strip", "speed": 3}])"),
             Contains("unknown field filter_list[0].filter[0].speed"));
  CHECK_THAT(error("3"), Contains("field filter_list[0].filter: got integer, need a list"));
}

TEST_CASE("patterns match as Python's do") {
  using Matches = std::vector<std::string>;
  const auto all = [](const char* pattern, const char* text) {
    Matches out;
    for (const auto& m : PythonRegex(pattern).find_all(text)) out.emplace_back(m[0]);
    return out;
  };
  CHECK(all("x*", "abxd") == Matches{"", "", "x", "", ""});  // as re.findall
  CHECK(all("^a", "a\na") == Matches{"a"});                  // one line
  CHECK(all("a$", "a\na\n") == Matches{"a"});
  CHECK(all("\\d+", "a1b٣") == Matches{"1", "٣"});
  CHECK(PythonRegex("(?s).*#### ").remove_all("a\nb #### 7") == "7");
  CHECK(PythonRegex("\\.$").remove_all("1.5.") == "1.5");
  CHECK_THAT(error_of([] { PythonRegex("(a*)*b").find_all(std::string(5000, 'a')); }),
             Contains("gave up") || Contains("no error"));
}

}  // namespace
}  // namespace nalar::eval
