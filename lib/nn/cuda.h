#pragma once

#include <ATen/core/Tensor.h>
#include <nalar/engine.h>

namespace nalar::nn {

// The device that is meant. `automatic` is CUDA only where its driver and LibTorch's part for it
// are there. Opens that part. Errors: config, with a hint, where CUDA is asked for and something of
// it is missing.
at::Device open_device(Device device);

// Bytes that are free on it.
int64_t free_memory(at::Device device);

}  // namespace nalar::nn
