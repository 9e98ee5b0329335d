#pragma once

#include "kernels/linear_kernels.h"

// The table of each folder.
namespace nalar::kernels {

const LinearKernels& scalar_linear_kernels() noexcept;
const LinearKernels& avx2_linear_kernels() noexcept;
const LinearKernels& avx512_linear_kernels() noexcept;

}  // namespace nalar::kernels
