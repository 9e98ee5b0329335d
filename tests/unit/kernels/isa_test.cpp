#include "kernels/isa.h"

#include <algorithm>

#include "support/catch.h"

using namespace nalar::kernels;

TEST_CASE("Scalar code runs everywhere, and the chosen set is one of those available") {
  const auto available = available_isas();
  REQUIRE(!available.empty());
  CHECK(available.front() == Isa::scalar);
  CHECK(std::is_sorted(available.begin(), available.end()));
  CHECK(std::count(available.begin(), available.end(), chosen_isa()) == 1);
}

TEST_CASE("Names are those of NALAR_ISA") {
  CHECK(name(Isa::scalar) == "scalar");
  CHECK(name(Isa::avx2) == "avx2");
  CHECK(name(Isa::avx512) == "avx512");
  CHECK(name(Isa::avx512bf16) == "avx512bf16");
}
