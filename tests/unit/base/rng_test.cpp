#include "base/rng.h"

#include <cmath>

#include "support/catch.h"

namespace nalar::base {

// Known answers of the authors' distribution (Random123, kat_vectors: philox4x32 10).
TEST_CASE("Philox gives the published words") {
  CHECK(philox(0, 0, 0) == std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox(0x299f31d0a4093822, 0x85a308d3243f6a88,
               0x0370734413198a2e) ==
        std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("uniform lies in [0, 1) and has the mean it should") {
  double sum = 0;
  constexpr int n = 20000;
  for (int i = 0; i < n; ++i) {
    const double u = uniform(7, 1, static_cast<uint64_t>(i));
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    sum += u;
  }
  // The mean of n draws has a standard deviation of 1 / sqrt(12 n): 5 of them.
  CHECK(std::abs(sum / n - 0.5) < 5 / std::sqrt(12.0 * n));
}

}  // namespace nalar::base
