#include "report/log_lines.h"

#include "support/catch.h"

namespace nalar::report {

TEST_CASE("log lines are JSON objects, one a line") {
  CHECK(log_line(UpdateLine{7, 0.5, 2.25, 0.25, 1.5, 4096, 1000, 250.5, 16.0}) ==
        "{\"step\":7,\"epoch\":0.5,\"loss\":2.25,\"lr\":0.25,\"gradient_norm\":1.5,\"tokens\":4096,"
        "\"label_tokens\":1000,\"tokens_per_s\":250.5,\"seconds\":16.0}\n");
  CHECK(log_line(ValidLine{7, 0.5, 2.5, 17.0}) ==
        "{\"step\":7,\"epoch\":0.5,\"valid_loss\":2.5,\"seconds\":17.0}\n");
}

}  // namespace nalar::report
