#include <nalar/error.h>
#include <nalar/json.h>

#include <cstring>

#include "base/rng.h"
#include "io/json_walk.h"
#include "support/catch.h"

namespace nalar {
namespace {

std::string message_of(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, limits);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::bad_data);
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("numbers keep their kind") {
  const Json v = parse_json("[1, -1, 1.0, 1e2, 9223372036854775808, 18446744073709551616, -0.0]");
  const auto& a = v.as_array();
  CHECK(a[0].kind() == Json::Kind::integer);
  CHECK(a[1].as_int64() == -1);
  CHECK(a[2].kind() == Json::Kind::number);
  CHECK(a[3].as_double() == 100.0);
  CHECK(a[4].kind() == Json::Kind::unsigned_integer);
  CHECK(a[4].as_uint64() == uint64_t{1} << 63);
  CHECK_THROWS_AS(a[4].as_int64(), Error);
  // Beyond 64 bits an integer is a double.
  CHECK(a[5].kind() == Json::Kind::number);
  CHECK(a[5].as_double() == 18446744073709551616.0);
  CHECK(to_text(v) == "[1,-1,1.0,100.0,9223372036854775808,18446744073709551616.0,-0.0]");
}

TEST_CASE("members keep the order of the file, and set replaces or appends") {
  Json v = parse_json(R"({"z": 1, "a": {"b": null}})");
  CHECK(v.as_object()[0].first == "z");
  CHECK(v.find("a")->find("b")->is_null());
  CHECK(v.find("q") == nullptr);
  v.set("z", "x");
  v.set("n", true);
  CHECK(to_text(v) == R"({"z":"x","a":{"b":null},"n":true})");
  CHECK(to_text(v, 1) == "{\n \"z\": \"x\",\n \"a\": {\n  \"b\": null\n },\n \"n\": true\n}");
  CHECK(to_text(Json(Json::Array{}), 2) == "[]");
}

TEST_CASE("a wrong kind is our own error") {
  CHECK_THROWS_WITH(Json("x").as_int64(), "JSON value of the wrong kind: got string, need integer");
}

TEST_CASE("what is wrong is named with line and column") {
  CHECK_THAT(message_of("{\n \"a\": 1,\n \"a\": 2}"),
             Catch::StartsWith("JSON error (at line 3, column 4): duplicate key a"));
  CHECK_THAT(message_of("[1,\n2,]"), Catch::StartsWith("JSON error (at line 2, column 3): "));
  // Columns are characters, not bytes.
  CHECK_THAT(message_of("[\"\xc3\xa9\xc3\xa9\" x]"),
             Catch::StartsWith("JSON error (at line 1, column 7): "));
  CHECK_THAT(message_of("[1"), Catch::StartsWith("JSON error (at line 1, column 3): "));
  CHECK_THAT(message_of(""), Catch::StartsWith("JSON error (at line 1, column 1): "));
  CHECK_THAT(message_of(std::string_view("[1]\0", 4)),
             Catch::Equals("JSON error (at line 1, column 4): unexpected NUL byte"));
  CHECK_THAT(message_of("\xEF\xBB\xBF\xEF\xBB\xBF[]"), Catch::Contains("byte order mark"));
  CHECK_THAT(message_of("[1e999]"), Catch::StartsWith("JSON error (at line 1, column "));
}

TEST_CASE("what strict JSON forbids is refused") {
  for (const char* text :
       {"[NaN]", "[Infinity]", "// x\n[]", "[1,]", "{\"a\":1,}", "{'a':1}", "[01]", "[\"\t\"]",
        "[\"\\x\"]", "[] []", "[\"\\ud800\"]", "[\"\\udc00\"]", "{\"\\udc00\":1}", "\xff\xfe[\0]",
        "[\"\xc0\xaf\"]", "[\"\xed\xa0\x80\"]"}) {
    CHECK_THAT(message_of(text), Catch::StartsWith("JSON error (at line 1"));
  }
  CHECK(parse_json("\xEF\xBB\xBF 1 ").as_int64() == 1);
}

TEST_CASE("depth and size have limits, met exactly") {
  const auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK_NOTHROW(parse_json(nested(64)));
  CHECK(message_of(nested(65)) == "JSON error (at line 1, column 65): too deep (limit 64)");
  CHECK_THAT(message_of(nested(100'000)), Catch::Contains("too deep"));
  CHECK_THAT(message_of(std::string(100'000, '[')), Catch::Contains("too deep"));
  CHECK_NOTHROW(parse_json("[1]", {3, 64}));
  CHECK(message_of("[1] ", {3, 64}) == "JSON too large: 4 bytes, limit 3");
}

TEST_CASE("many members: a duplicate is found, and quickly") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  CHECK(parse_json(text + "\"x\":1}").as_object().size() == 200'001);
  CHECK_THAT(message_of(text + "\"k77777\":1}"), Catch::Contains("duplicate key k77777"));
}

TEST_CASE("text is escaped, and invalid UTF-8 replaced") {
  CHECK(to_text(Json("a\"\\\b\f\n\r\t\x01\x7f\xc3\xa9")) ==
        "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\xc3\xa9\"");
  CHECK(to_text(Json("x\xff\xe2\x82")) == "\"x\uFFFD\uFFFD\"");
  CHECK(to_text(Json(Json::Object{{"\xff", Json(1)}})) == "{\"\uFFFD\":1}");
  CHECK(to_text(Json(1.0 / 0.0)) == "null");
}

TEST_CASE("doubles come back as they were, in the shortest form") {
  CHECK(to_text(Json(0.1)) == "0.1");
  CHECK(to_text(Json(1e21)) == "1e+21");
  CHECK(to_text(Json(5e-324)) == "5e-324");
  CHECK(to_text(Json(9007199254740993.0)) == "9007199254740992.0");
  for (uint64_t i = 0; i < 20'000; ++i) {
    const auto words = base::philox(5, i, 0);
    const uint64_t bits = uint64_t{words[0]} << 32 | words[1];
    double v;
    std::memcpy(&v, &bits, sizeof v);
    if (v - v != 0) continue;
    REQUIRE(parse_json(to_text(Json(v))).as_double() == v);
  }
}

TEST_CASE("the fast parser and the slow one agree") {
  for (const char* text :
       {"[]", "{}", "[null,true,false,0,-1,1.5,\"\\u00e9\\ud83d\\ude00\"]", "{\"a\":{\"b\":[{}]}}",
        " 7 ", "\"x\"", "[18446744073709551615,-9223372036854775808]"}) {
    CHECK(to_text(parse_json(text)) == to_text(io::parse_json_slowly(text, {})));
  }
}

}  // namespace nalar
