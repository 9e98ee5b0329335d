#include "parse_size.h"

#include <nalar/error.h>

#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::apps {

TEST_CASE("sizes as people write them, in bytes") {
  CHECK(parse_size("--x", "4GiB") == int64_t{4} << 30);
  CHECK(parse_size("--x", "500MB") == 500'000'000);
  CHECK(parse_size("--x", "0.5 kB") == 500);
  CHECK(parse_size("--x", "1.5MiB") == 3 << 19);
  CHECK(parse_size("--x", "123456") == 123456);
  CHECK(parse_size("--x", "7B") == 7);
}

TEST_CASE("what is no size is named") {
  for (const char* text :
       {"", "GB", "-1GB", "0", "many", "1 XB", "1e30", "nan", "4GiB4", "1,5GB"}) {
    INFO(text);
    CHECK(test::error_of([&] { parse_size("--x", text); }) ==
          std::string("--x: got \"") + text + "\", need a size as 4GiB, 500MB or 123456");
  }
}

}  // namespace nalar::apps
