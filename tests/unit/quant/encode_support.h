#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels_support.h"
#include "quant/encode.h"

namespace nalar::test {

inline std::vector<float> normal(int64_t n, uint64_t seed, float spread = 1) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = spread * random.normal();
  return v;
}

inline std::vector<float> round_trip(DType type, const std::vector<float>& row,
                                     const std::vector<float>& importance = {}) {
  const BlockSize size = block_size(type);
  std::vector<std::byte> bytes(row.size() / static_cast<size_t>(size.elements) *
                               static_cast<size_t>(size.bytes));
  quant::encode_row(type, row, {importance}, bytes.data());
  std::vector<float> decoded(row.size());
  quant::decode_row(type, bytes.data(), decoded);
  return decoded;
}

inline double error(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, of = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double e = double{a[i]} - double{b[i]};
    sum += e * e;
    of += double{a[i]} * double{a[i]};
  }
  return std::sqrt(sum / of);
}

}  // namespace nalar::test
