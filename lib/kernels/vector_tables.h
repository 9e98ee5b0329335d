#pragma once

#include "kernels/vector_kernels.h"

namespace nalar::kernels {

const VectorKernels& scalar_vector_kernels() noexcept;
const VectorKernels& avx2_vector_kernels() noexcept;
const VectorKernels& avx512_vector_kernels() noexcept;

}  // namespace nalar::kernels
