#include "eval/python_random.h"

#include <algorithm>

#include "support/catch.h"

namespace nalar::eval {
namespace {

// All numbers are CPython 3.11's.

TEST_CASE("random(), seeded as Python seeds it") {
  CHECK(PythonRandom(0).next() == 3626764237u);
  CHECK(PythonRandom((uint64_t{1} << 40) + 5).uniform() == 0.5043802970418443);
}

TEST_CASE("sample(range(n), k), one after the other") {
  PythonRandom random(1234);
  using Ids = std::vector<int64_t>;
  CHECK(random.sample(10, 3) == Ids{7, 1, 0});
  CHECK(random.sample(2376, 6) == Ids{371, 143, 343, 403, 1452, 969});
  // 85 is the largest n that is drawn from a pool when k is 6.
  CHECK(random.sample(100, 6) == Ids{2, 3, 44, 82, 79, 61});
  CHECK(random.sample(86, 6) == Ids{78, 59, 19, 11, 23, 14});
  CHECK(random.sample(85, 6) == Ids{1, 64, 62, 31, 8, 69});
  CHECK(random.sample(21, 4) == Ids{14, 2, 19, 16});
  CHECK(random.uniform() == 0.5790026861873665);
}

TEST_CASE("a sample of all is a permutation; of nothing is nothing") {
  PythonRandom random(7);
  CHECK(random.sample(5, 0).empty());
  std::vector<int64_t> all = random.sample(5, 5);
  std::sort(all.begin(), all.end());
  CHECK(all == std::vector<int64_t>{0, 1, 2, 3, 4});
}

}  // namespace
}  // namespace nalar::eval
