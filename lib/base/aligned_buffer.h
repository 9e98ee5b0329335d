#pragma once

#include <nalar/export.h>

#include <cstddef>
#include <memory>
#include <span>

namespace nalar::base {

// Zeroed memory aligned to a cache line or, from 2 MiB on, to a huge page and advised to be one.
// Pages are taken when first written. Throws Error(os) when there is none.
class NALAR_MODULE_API AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  template <typename T>
  T* as() const { return reinterpret_cast<T*>(data_); }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
};

}  // namespace nalar::base
