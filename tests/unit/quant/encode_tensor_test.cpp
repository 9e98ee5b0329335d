#include "quant/encode_tensor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "encode_support.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::quant;

TEST_CASE("A tensor's bytes and sums are the same bits on any number of threads") {
  // Rows so long that slabs hold as many as there are threads.
  constexpr int64_t kRows = 11, kColumns = int64_t{1} << 18;
  auto weights = test::normal(kRows * kColumns, 7);
  // Of magnitudes so different that sums in double are rounded.
  for (int64_t i = 0; i < kRows * kColumns; ++i) {
    weights[static_cast<size_t>(i)] *= std::pow(100.0f, static_cast<float>(i / kColumns % 4));
  }
  SourceTensor tensor;
  tensor.name = "w";
  tensor.shape = {kRows, kColumns};
  tensor.read = [&](int64_t row, std::span<float> out) {
    std::copy_n(weights.begin() + row * kColumns, kColumns, out.begin());
  };
  const auto encoded = [&](int threads) {
    base::ThreadPool pool(threads);
    std::vector<std::byte> bytes;
    int64_t rows = 0;
    const auto write = [&](std::span<const std::byte> more) {
      bytes.insert(bytes.end(), more.begin(), more.end());
    };
    const ErrorSums sums = encode_tensor({.tensor = &tensor, .to = DType::q8_0}, pool,
                                         {write, [&](int64_t n) { rows += n; }});
    CHECK(rows == kRows);
    return std::pair(bytes, std::array{sums.weight, sums.weight_error});
  };
  const auto one = encoded(1);
  CHECK(one.first.size() == static_cast<size_t>(kRows * kColumns / 32 * 34));
  for (const int threads : {3, 5, 7}) {
    CAPTURE(threads);
    const auto several = encoded(threads);
    CHECK((several.first == one.first));
    CHECK(several.second == one.second);
  }
}
