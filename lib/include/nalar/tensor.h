#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nalar/dtype.h>
#include <nalar/export.h>

namespace nalar {

// A tensor in a mapped file. Borrows from the file (TensorFile), which must outlive it.
struct TensorView {
  std::string_view name;       // as in the file
  DType dtype = DType::f32;
  std::vector<int64_t> shape;  // row-major, outermost first: a Linear's weight is [out, in]
  std::span<const std::byte> bytes;

  NALAR_API int64_t rows() const;     // product of all but the last dimension; 1 for a vector
  NALAR_API int64_t columns() const;  // the last dimension; 1 for a scalar
  int64_t elements() const { return rows() * columns(); }
};

// "[576, 1536]"
NALAR_API std::string shape_text(std::span<const int64_t> shape);

// rows of `columns` floats, `stride` floats apart. Borrows.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t stride = 0;

  T* row(int64_t r) const { return data + r * stride; }
};

}  // namespace nalar
