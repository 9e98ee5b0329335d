#include "quant/hessian.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "quant/triangular.h"

namespace nalar::quant {

Hessian::Hessian(int64_t columns)
    : columns_(columns), h_(static_cast<size_t>(columns * columns) * sizeof(float)) {}

void Hessian::add(MatrixView<const float> rows, int threads) {
  assert(!factored_ && rows.columns == columns_);
  if (rows.rows == 0) return;
  const Blocks blocks(columns_);
  Products products(threads);
  products.tiles(blocks.count(), [&](int64_t i, int64_t j, Products::Thread& thread) {
    thread.product({.m = blocks.size(i),
                    .n = blocks.size(j),
                    .k = rows.rows,
                    .a = rows.data + blocks.begin(i),
                    .a_stride = rows.stride,
                    .a_transposed = true,
                    .b = reinterpret_cast<const std::byte*>(rows.data + blocks.begin(j)),
                    .b_stride = rows.stride * static_cast<int64_t>(sizeof(float)),
                    .c = h_.as<float>() + blocks.begin(i) * columns_ + blocks.begin(j),
                    .c_stride = columns_,
                    .accumulate = true});
  });
  tokens_ += rows.rows;
}

std::vector<float> Hessian::diagonal() const {
  std::vector<float> d = diagonal_;
  if (!factored_) {
    d.resize(static_cast<size_t>(columns_));
    for (int64_t c = 0; c < columns_; ++c) {
      d[static_cast<size_t>(c)] = h_.as<float>()[c * columns_ + c];
    }
  }
  const float n = static_cast<float>(std::max<int64_t>(tokens_, 1));
  for (float& x : d) x /= n;
  return d;
}

bool Hessian::factor(int threads) {
  assert(!factored_);
  const std::vector<float> diagonal = this->diagonal();
  double sum = 0;
  int64_t live = 0;
  for (const float x : diagonal) {
    sum += x;
    live += x > 0;
  }
  if (live == 0 || !std::isfinite(sum)) return false;
  const double mean = sum / static_cast<double>(live);
  diagonal_ = diagonal;
  for (float& x : diagonal_) x *= static_cast<float>(tokens_);
  factored_ = true;
  InverseFactor inverse({h_.as<float>(), columns_, columns_, columns_}, threads);
  double lambda = damping() * mean;
  for (int attempt = 0; attempt < 3; ++attempt, lambda *= 10) {
    if (inverse.run(1 / static_cast<double>(tokens_), lambda)) return true;
  }
  return false;
}

}  // namespace nalar::quant
