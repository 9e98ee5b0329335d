#include <cstring>
#include <vector>

#include "kernels/linear_kernels.h"
#include "kernels_support.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::kernels;
using namespace nalar::test;

TEST_CASE("Packed rows are the file's rows") {
  for (const DType type : kWeightTypes) {
    const int64_t columns = is_quantized(type) ? 512 : 37;
    for (const int64_t rows : {1, 16, 37}) {
      const auto file_rows = random_rows(type, Blocks::plain, rows, columns, 11);
      const size_t row_bytes = file_rows.size() / static_cast<size_t>(rows);
      for (const Isa isa : available_isas()) {
        CAPTURE(name(type), name(isa), rows);
        const Weights weights(isa, type, file_rows, rows, columns);
        // As large as the file, but for the rows that fill the last group.
        CHECK(weights.size() ==
              (isa == Isa::scalar ? file_rows.size() : row_bytes * ((rows + 15) / 16 * 16)));
        std::vector<float> expected(static_cast<size_t>(columns)), got(expected.size());
        for (int64_t r = 0; r < rows; ++r) {
          linear_kernels(Isa::scalar)
              .dequantize_row(type, file_rows.data(), rows, columns, r, expected.data());
          linear_kernels(isa).dequantize_row(type, weights.data(), rows, columns, r, got.data());
          REQUIRE(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0);
        }
      }
    }
  }
}
