#pragma once

#include "kernels/train_kernels.h"

// The table of each folder.
namespace nalar::kernels {

const TrainKernels& scalar_train_kernels() noexcept;
const TrainKernels& avx2_train_kernels() noexcept;
const TrainKernels& avx512_train_kernels() noexcept;
const TrainKernels& avx512bf16_train_kernels() noexcept;

}  // namespace nalar::kernels
