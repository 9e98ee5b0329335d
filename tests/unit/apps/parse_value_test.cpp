#include "parse_value.h"

#include "support/catch.h"

namespace nalar::apps {
namespace {

template <typename T>
std::string problem(std::string_view text, const Range<T>& range = {}) {
  try {
    parse_number<T>("--x", text, range);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::usage);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the whole text is the number") {
  CHECK(parse_number<int>("--x", "-7", {}) == -7);
  CHECK(parse_number<uint64_t>("--x", "18446744073709551615", {}) == UINT64_MAX);
  CHECK(parse_number<float>("--x", "0.1", {}) == 0.1F);
  CHECK(parse_number<float>("--x", "1e-3", {}) == 1e-3F);
  for (const char* text : {"", " 1", "1 ", "1x", "x", "+1", "0x10", "1.0", "1e3", "--1"}) {
    CHECK_FALSE(problem<int>(text).empty());
  }
  for (const char* text :
       {"", " 1", "1,5", "1.5.1", "nan", "-nan", "inf", "-inf", "1e400", "infinity"}) {
    CHECK_FALSE(problem<float>(text).empty());
  }
}

TEST_CASE("nothing wraps or saturates") {
  CHECK_FALSE(problem<uint64_t>("-1").empty());
  CHECK_FALSE(problem<uint64_t>("18446744073709551616").empty());
  CHECK_FALSE(problem<int>("2147483648").empty());
  CHECK_FALSE(problem<int>("99999999999999999999").empty());
}

TEST_CASE("the message names option, value and range") {
  CHECK(problem<int>("9", {1, 5}) == "--x: got \"9\", need an integer in 1..5");
  CHECK(problem<float>("2", {0, 1}) == "--x: got \"2\", need a number in 0..1");
  CHECK(problem<float>("-2", {0}) == "--x: got \"-2\", need a number ≥ 0");
  CHECK(problem<float>("x\x1b") == "--x: got \"x\\x1b\", need a number");
}

}  // namespace nalar::apps
