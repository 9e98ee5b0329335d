#include <nalar/error.h>
#include <nalar/toml.h>

#include "support/catch.h"

namespace nalar {
namespace {

std::string problem(std::string_view text) {
  try {
    parse_toml(text);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::config);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("tables become objects, values keep their kind") {
  const Json document = parse_toml(
      "[run]\ntemp = 0.5\ntop-k = 20\nraw = true\nstop = [\"a\\n\", 'b']\nsystem = "
      "\"\"\"two\nlines\"\"\"\n"
      "big = 9223372036854775807\n");
  const Json& run = *document.find("run");
  CHECK(run.find("temp")->as_double() == 0.5);
  CHECK(run.find("top-k")->as_int64() == 20);
  CHECK(run.find("raw")->as_bool());
  CHECK(run.find("stop")->as_array()[0].as_string() == "a\n");
  CHECK(run.find("system")->as_string() == "two\nlines");
  CHECK(run.find("big")->as_int64() == INT64_MAX);
  CHECK(parse_toml("").as_object().empty());
}

TEST_CASE("what is no TOML is an error with its place") {
  CHECK_THAT(problem("[run]\ntemp = \n"), Catch::Contains("line 2"));
  CHECK_THAT(problem("a = 1\na = 2\n"), Catch::Contains("line 2"));
  CHECK_THAT(problem("a = 9223372036854775808"), Catch::Contains("line 1"));
  CHECK_THAT(problem("day = 2024-01-01"), Catch::Contains("dates"));
  CHECK_THAT(problem("a = \"\xff\""), Catch::Contains("line 1"));
  CHECK(problem(std::string(100'000, '[')) != "");
  CHECK(problem("a = " + std::string(100'000, '[')) != "");
}

}  // namespace nalar
