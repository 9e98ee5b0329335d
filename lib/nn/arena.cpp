#include "nn/arena.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

namespace nalar::nn {

at::Tensor Buffer::matrix(int64_t rows, int64_t columns) const {
  return flat_.narrow(0, 0, rows * columns).view({rows, columns});
}

Buffer Arena::take(int64_t elements, at::ScalarType type) {
  const auto bytes = elements * static_cast<int64_t>(c10::elementSize(type));
  bytes_ += bytes;
  sizes_.push_back(bytes);
  if (counting_ || bytes == 0) return {};
  const auto options = at::TensorOptions().dtype(type).device(*device_);
  if (!device_->is_cpu()) return Buffer(at::empty({elements}, options));
  memory_.emplace_back(static_cast<size_t>(bytes));
  return Buffer(at::from_blob(memory_.back().data(), {elements}, options));
}

}  // namespace nalar::nn
