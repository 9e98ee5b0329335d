#include "bad_input.h"

#include <algorithm>

#include "support/catch.h"

namespace nalar::test {

void check_bad(const BadInput& row) {
  INFO(row.name);
  try {
    row.open();
  } catch (const Error& e) {
    const std::string message = e.what();
    CAPTURE(message);
    CHECK(e.kind() == row.kind);
    CHECK(message.find(row.message) != message.npos);
    CHECK(message.size() < 1000);
    CHECK(std::none_of(message.begin(), message.end(), [](char c) { return c >= 0 && c < 0x20; }));
    return;
  }
  FAIL_CHECK("accepted");
}

}  // namespace nalar::test
