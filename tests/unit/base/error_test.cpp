#include <nalar/error.h>

#include "support/catch.h"

namespace nalar {

TEST_CASE("an error is given its file once, escaped") {
  const Error plain(ErrorKind::bad_data, "bad magic", "try this");
  const Error named = plain.in_file("a\x1b[31m.gguf");
  CHECK(std::string(named.what()) == "a\\x1b[31m.gguf: bad magic");
  CHECK(named.kind() == ErrorKind::bad_data);
  CHECK(named.hint() == "try this");
  CHECK(std::string(named.in_file("other").what()) == named.what());
}

}  // namespace nalar
