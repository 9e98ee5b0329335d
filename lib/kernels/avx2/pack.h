#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>

namespace nalar::kernels {

// LinearKernels::pack into the layout of packed.h, for AVX2 and all above it.
void avx2_pack(DType type, const std::byte* source, int64_t rows, int64_t columns, int64_t begin,
               int64_t end, std::byte* packed) noexcept;

}  // namespace nalar::kernels
