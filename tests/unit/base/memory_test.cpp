#include "base/memory.h"

#include <string>

#include "support/catch.h"

namespace nalar::base {

TEST_CASE("peak memory is at least what this test holds, and some memory is available") {
  const std::string block(size_t{32} << 20, 'x');
  CHECK(peak_memory() >= static_cast<int64_t>(block.size()));
  CHECK(available_memory().value_or(0) > 0);
}

}  // namespace nalar::base
