#include "kernels/half.h"

#include <cmath>
#include <limits>

#include "support/catch.h"

using namespace nalar::kernels;

TEST_CASE("Every half survives the way to fp32 and back") {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<f16>(bits);
    const float value = from_f16(half);
    if (std::isnan(value)) {
      REQUIRE((to_f16(value) | 0x200) == (half | 0x200));
    } else {
      REQUIRE(to_f16(value) == half);
    }
  }
}

TEST_CASE("Known halves") {
  CHECK(from_f16(0x3c00) == 1.0f);
  CHECK(from_f16(0xc000) == -2.0f);
  CHECK(from_f16(0x0001) == 0x1p-24f);
  CHECK(from_f16(0x7bff) == 65504.0f);
  CHECK(from_f16(0x7c00) == std::numeric_limits<float>::infinity());
}

TEST_CASE("fp32 is rounded to the nearest half, ties to even") {
  CHECK(to_f16(1.0f + 0x1p-11f) == 0x3c00);
  CHECK(to_f16(1.0f + 0x3p-11f) == 0x3c02);
  CHECK(to_f16(65519.9f) == 0x7bff);
  CHECK(to_f16(65520.0f) == 0x7c00);
  CHECK(to_f16(0x1p-25f) == 0);
  CHECK(to_f16(0x1.01p-25f) == 1);
  CHECK(to_f16(-0x3p-25f) == 0x8002);
}
