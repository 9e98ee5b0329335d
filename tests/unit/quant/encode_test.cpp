#include "quant/encode.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/isa.h"
#include "kernels_support.h"
#include "quant/encode_kernels.h"
#include "quant/pack_block.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::quant;
using namespace nalar::test;

namespace {

std::vector<float> normal(int64_t n, uint64_t seed, float spread = 1) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = spread * random.normal();
  return v;
}

std::vector<float> round_trip(DType type, const std::vector<float>& row,
                              const std::vector<float>& importance = {}) {
  const BlockSize size = block_size(type);
  std::vector<std::byte> bytes(row.size() / static_cast<size_t>(size.elements) *
                               static_cast<size_t>(size.bytes));
  encode_row(type, row, importance, bytes.data());
  std::vector<float> decoded(row.size());
  decode_row(type, bytes.data(), decoded);
  return decoded;
}

double error(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, of = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double e = double{a[i]} - double{b[i]};
    sum += e * e;
    of += double{a[i]} * double{a[i]};
  }
  return std::sqrt(sum / of);
}

}  // namespace

TEST_CASE("A Gaussian row keeps what its bits allow") {
  const auto row = normal(2048, 1, 0.02f);
  for (const DType type : kWeightTypes) {
    const double e = error(row, round_trip(type, row));
    WARN(name(type) << " " << e);
    CHECK(e < 0.5);
  }
}

TEST_CASE("Every instruction set finds the same scales and quants") {
  const auto row = normal(2048, 2), w = normal(2048, 3);
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) continue;
    CAPTURE(name(type));
    const BlockSize size = block_size(type);
    for (int64_t k = 0; k < 2048; k += size.elements) {
      float importance[256];
      for (int i = 0; i < size.elements; ++i) importance[i] = w[k + i] * w[k + i];
      std::vector<std::byte> first;
      for (const kernels::Isa isa : kernels::available_isas()) {
        CAPTURE(kernels::name(isa));
        kernels::PlainBlock block;
        encode_kernels(isa).fit(type, row.data() + k, importance, block);
        std::vector<std::byte> bytes(static_cast<size_t>(size.bytes));
        pack_block(type, block, bytes.data());
        if (first.empty()) first = bytes;
        REQUIRE(bytes == first);
      }
    }
  }
}
