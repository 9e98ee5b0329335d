#include "quant/hessian.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

namespace nalar::quant {
namespace {

constexpr int64_t kManyColumns = 2048;  // from here on larger tiles, which are packed less often

// Columns [begin, begin + count), one after the other.
void transpose(MatrixView<const float> rows, int64_t begin, int64_t count, float* out) {
  constexpr int64_t kLine = 16;
  for (int64_t c = 0; c < count; c += kLine) {
    const int64_t n = std::min(kLine, count - c);
    for (int64_t t = 0; t < rows.rows; ++t) {
      const float* const row = rows.row(t) + begin + c;
      for (int64_t i = 0; i < n; ++i) out[(c + i) * rows.rows + t] = row[i];
    }
  }
}

}  // namespace

Hessian::Hessian(int64_t columns)
    : columns_(columns), h_(static_cast<size_t>(columns * columns) * sizeof(float)) {}

void Hessian::add(MatrixView<const float> rows, Products& products) {
  assert(!factored_ && rows.columns == columns_);
  if (rows.rows == 0) return;
  const int64_t size = columns_ < kManyColumns ? Blocks::kSize : 2 * Blocks::kSize;
  const int64_t count = (columns_ + size - 1) / size;
  const auto size_of = [&](int64_t i) { return std::min(size, columns_ - i * size); };
  float* const columns = products.room(columns_ * rows.rows);
  products.each(count, [&](int64_t i, Products::Thread&) {
    transpose(rows, i * size, size_of(i), columns + i * size * rows.rows);
  });
  products.tiles(count, [&](int64_t i, int64_t j, Products::Thread& thread) {
    thread.fast_product({.m = size_of(i),
                         .n = size_of(j),
                         .k = rows.rows,
                         .a = columns + i * size * rows.rows,
                         .a_stride = rows.rows,
                         .b = reinterpret_cast<const std::byte*>(rows.data + j * size),
                         .b_stride = rows.stride * static_cast<int64_t>(sizeof(float)),
                         .c = h_.as<float>() + i * size * columns_ + j * size,
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
