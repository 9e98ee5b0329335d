#include "model/rope_order.h"

#include <algorithm>

namespace nalar::model {
namespace {

// copy(at, row, columns) for each row: `at` in Hugging Face's order, `row` in the interleaved one.
template <typename Copy>
void for_each_row(size_t n, int64_t head_dim, int64_t columns, Copy copy) {
  const auto rows = static_cast<int64_t>(n) / columns;
  for (int64_t r = 0; r < rows; ++r) {
    copy(r * columns, interleaved_row(r, head_dim) * columns);
  }
}

}  // namespace

bool is_turned(TensorRole role) {
  using enum TensorRole;
  return role == q || role == k || role == q_bias || role == k_bias;
}

bool has_interleaved_rows(const ModelConfig& config, TensorName tensor) {
  if (!is_turned(tensor.role)) return false;
  const auto& rope = config.layers[static_cast<size_t>(tensor.layer)].attention.rope;
  return rope && rope->style == RopeStyle::interleaved;
}

int64_t interleaved_row(int64_t row, int64_t head_dim) {
  const int64_t i = row % head_dim, half = head_dim / 2;
  return row - i + (i < half ? 2 * i : 2 * (i - half) + 1);
}

int64_t uninterleaved_row(int64_t row, int64_t head_dim) {
  const int64_t i = row % head_dim;
  return row - i + i / 2 + (i % 2) * (head_dim / 2);
}

void interleave_rows(std::vector<float>& rows, int64_t head_dim, int64_t columns) {
  const std::vector<float> from = rows;
  for_each_row(rows.size(), head_dim, columns, [&](int64_t at, int64_t row) {
    std::copy_n(from.begin() + at, columns, rows.begin() + row);
  });
}

void uninterleave_rows(std::vector<float>& rows, int64_t head_dim, int64_t columns) {
  const std::vector<float> from = rows;
  for_each_row(rows.size(), head_dim, columns, [&](int64_t at, int64_t row) {
    std::copy_n(from.begin() + row, columns, rows.begin() + at);
  });
}

}  // namespace nalar::model
