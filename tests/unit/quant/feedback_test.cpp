#include <cmath>
#include <cstring>
#include <vector>

#include "kernels_support.h"
#include "quant/encode.h"
#include "quant/hessian.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::quant;
using namespace nalar::test;

namespace {

constexpr int64_t kColumns = 512, kTokens = 1500, kRows = 40;

struct Layer {
  std::vector<float> w = std::vector<float>(kRows * kColumns);
  std::vector<float> x = std::vector<float>(kTokens * kColumns);
  Hessian hessian{kColumns};
  Layer() {
    Random random(11);
    for (float& v : w) v = 0.02f * random.normal();
    for (int64_t t = 0; t < kTokens; ++t) {
      float last = 0;
      for (int64_t c = 0; c < kColumns; ++c) {
        last = 0.8f * last + random.normal();
        x[static_cast<size_t>(t * kColumns + c)] = last * (c % 50 == 0 ? 6.0f : 1.0f);
      }
    }
    Products products(2);
    hessian.add({x.data(), kTokens, kColumns, kColumns}, products);
    REQUIRE(hessian.factor(2));
  }
  MatrixView<const float> rows() const { return {w.data(), kRows, kColumns, kColumns}; }

  // ‖(W − Ŵ) X‖² / ‖W X‖²
  double output_error(DType type, const std::vector<std::byte>& bytes) const {
    double error = 0, of = 0;
    const size_t row_bytes = bytes.size() / kRows;
    std::vector<float> decoded(kColumns);
    for (int64_t r = 0; r < kRows; ++r) {
      decode_row(type, &bytes[static_cast<size_t>(r) * row_bytes], decoded);
      for (int64_t t = 0; t < kTokens; t += 3) {
        double e = 0, y = 0;
        for (int64_t c = 0; c < kColumns; ++c) {
          const double weight = w[static_cast<size_t>(r * kColumns + c)];
          const double in = x[static_cast<size_t>(t * kColumns + c)];
          e += (weight - double{decoded[static_cast<size_t>(c)]}) * in;
          y += weight * in;
        }
        error += e * e;
        of += y * y;
      }
    }
    return error / of;
  }
};

std::vector<std::byte> room(DType type) {
  const BlockSize size = block_size(type);
  return std::vector<std::byte>(static_cast<size_t>(kRows * kColumns / size.elements * size.bytes));
}

}  // namespace

TEST_CASE("Feedback lowers the error of the output; rows do not depend on their neighbours") {
  const Layer layer;
  const auto diagonal = layer.hessian.diagonal();
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) continue;
    CAPTURE(name(type));
    auto plain = room(type), fed = room(type);
    const size_t row_bytes = plain.size() / kRows;
    for (int64_t r = 0; r < kRows; ++r) {
      encode_row(type, {layer.rows().row(r), kColumns}, {diagonal},
                 &plain[static_cast<size_t>(r) * row_bytes]);
    }
    encode_rows_with_feedback(type, layer.rows(), layer.hessian, 0, kRows, fed.data());
    const double before = layer.output_error(type, plain), after = layer.output_error(type, fed);
    INFO(before << " " << after);
    CHECK(after < 0.8 * before);
    std::vector<std::byte> some(3 * row_bytes);
    encode_rows_with_feedback(type, layer.rows(), layer.hessian, 17, 20, some.data());
    CHECK(std::memcmp(some.data(), &fed[17 * row_bytes], some.size()) == 0);
  }
}
