#include "model/rope_order.h"

#include <algorithm>

namespace nalar::model {
namespace {

// Row i of a head in Hugging Face's order lies at this row in the interleaved one.
int64_t interleaved(int64_t i, int64_t head_dim) {
  const int64_t half = head_dim / 2;
  return i < half ? 2 * i : 2 * (i - half) + 1;
}

// copy(at, row, columns) for each row: `at` in Hugging Face's order, `row` in the interleaved one.
template <typename Copy>
void for_each_row(size_t n, int64_t head_dim, int64_t columns, Copy copy) {
  const auto rows = static_cast<int64_t>(n) / columns;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t head = r / head_dim * head_dim;
    copy(r * columns, (head + interleaved(r - head, head_dim)) * columns);
  }
}

}  // namespace

bool has_interleaved_rows(const ModelConfig& config, TensorName tensor) {
  using enum TensorRole;
  for (const TensorRole role : {q, k, q_bias, k_bias}) {
    if (tensor.role != role) continue;
    const auto& rope = config.layers[static_cast<size_t>(tensor.layer)].attention.rope;
    return rope && rope->style == RopeStyle::interleaved;
  }
  return false;
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
