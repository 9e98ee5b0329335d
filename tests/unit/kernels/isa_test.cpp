#include "kernels/isa.h"

#include <algorithm>

#include "kernels/linear_kernels.h"
#include "kernels/train_kernels.h"
#include "kernels/vector_kernels.h"
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

// Every set gives the same bits, so that one that fell back to scalar code would only be slow.
TEST_CASE("No instruction set but the scalar one is served by scalar code") {
  for (const Isa isa : available_isas()) {
    const bool is_scalar = isa == Isa::scalar;
    CHECK((&linear_kernels(isa) == &linear_kernels(Isa::scalar)) == is_scalar);
    CHECK((&vector_kernels(isa) == &vector_kernels(Isa::scalar)) == is_scalar);
    CHECK((&train_kernels(isa) == &train_kernels(Isa::scalar)) == is_scalar);
  }
}
