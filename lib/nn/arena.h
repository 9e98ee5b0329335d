#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "base/aligned_buffer.h"

namespace nalar::nn {

// Memory of a batch, taken once for the largest and cut to the size of each.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(at::Tensor flat) : flat_(std::move(flat)) {}

  // The beginning, as a matrix.
  at::Tensor matrix(int64_t rows, int64_t columns) const;

 private:
  at::Tensor flat_;
};

// Takes buffers on a device, or only counts their bytes. On the CPU pages are taken when first
// written, large ones where the system has them.
class Arena {
 public:
  static Arena counting() { return Arena({}, true); }
  explicit Arena(at::Device device) : Arena(device, false) {}

  Buffer take(int64_t elements, at::ScalarType type);
  int64_t bytes() const { return bytes_; }
  // Bytes of each buffer, in the order they were taken in.
  const std::vector<int64_t>& sizes() const { return sizes_; }

 private:
  Arena(std::optional<at::Device> device, bool counting) : device_(device), counting_(counting) {}

  std::optional<at::Device> device_;
  bool counting_;
  int64_t bytes_ = 0;
  std::vector<int64_t> sizes_;
  std::vector<base::AlignedBuffer> memory_;
};

}  // namespace nalar::nn
