#include <nalar/tensor.h>

#include <fmt/format.h>

namespace nalar {

int64_t TensorView::columns() const { return shape.empty() ? 1 : shape.back(); }

int64_t TensorView::rows() const {
  int64_t n = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) n *= shape[i];
  return n;
}

std::string shape_text(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace nalar
