#include "report/log_lines.h"

#include <nalar/json.h>

#include "report/peak_memory.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::report {

TEST_CASE("log lines are JSON objects, one a line") {
  CHECK(
      log_line(UpdateLine{7, 0.5, 2.25, 0.25, 1.5, 4096, 1000, 250.5, 16.0}) ==
      "{\"step\":7,\"epoch\":0.5,\"loss\":2.25,\"lr\":0.25,\"gradient_norm\":1.5,\"tokens\":4096,"
      "\"label_tokens\":1000,\"tokens_per_s\":250.5,\"seconds\":16.0}\n");
  CHECK(log_line(ValidLine{7, 0.5, 2.5, 17.0}) ==
        "{\"step\":7,\"epoch\":0.5,\"valid_loss\":2.5,\"seconds\":17.0}\n");
}

TEST_CASE("a log gives its curves back; a step done again counts once") {
  const std::string log = log_line(ValidLine{0, 0, 3.5, 0}) +
                          log_line(UpdateLine{1, 0.1, 3.0, 1e-4, 1, 10, 5, 20, 1}) +
                          log_line(UpdateLine{2, 0.2, 9.0, 2e-4, 1, 20, 10, 20, 2}) +
                          log_line(UpdateLine{2, 0.2, 2.0, 2e-4, 0.5, 20, 10, 30, 2}) +
                          log_line(ValidLine{2, 0.2, 2.5, 3});
  const Curves curves = parse_log(log);
  REQUIRE(curves.curve.size() == 2);
  CHECK(curves.curve[1].step == 2);
  CHECK(curves.curve[1].loss == 2.0);
  CHECK(curves.curve[1].lr == 2e-4);
  CHECK(curves.curve[1].gradient_norm == 0.5);
  CHECK(curves.curve[1].tokens_per_s == 30);
  REQUIRE(curves.valid.size() == 2);
  CHECK(curves.valid[0].loss == 3.5);
  CHECK(curves.valid[1].step == 2);
  CHECK(parse_log("").curve.empty());
}

TEST_CASE("a damaged log is refused with its line") {
  const std::string good = log_line(ValidLine{0, 0, 3.5, 0});
  for (const char* bad : {"{\"step\":1", "[]", "{\"step\":1}", "{\"step\":1.5,\"valid_loss\":1}",
                          "{\"step\":1,\"valid_loss\":null}", ""}) {
    INFO(bad);
    CHECK(test::error_of([&] { parse_log(good + bad + "\n"); }).starts_with("(line 2) "));
  }
}

TEST_CASE("peak memory is at least what this test holds") {
  const std::string block(size_t{32} << 20, 'x');
  CHECK(peak_memory() >= static_cast<int64_t>(block.size()));
}

}  // namespace nalar::report
