#pragma once

#include <ATen/core/Tensor.h>
#include <nalar/engine.h>

#include <memory>

namespace nalar::nn {

// Whether Device::automatic means CUDA: its driver and LibTorch's part for it are there.
bool has_cuda();

// The engine on a CUDA device: bf16, or fp32 with Compute::fp32 and for a model whose weights all
// are. Weights are expanded once where they fit into the device's memory, else at each use. Errors:
// usage for options out of range or adapters that do not fit; config, with a hint, where CUDA is
// not there; os when memory is short.
std::unique_ptr<Engine> make_torch_engine(std::shared_ptr<const Model> model,
                                          const EngineOptions& options);
// The same on this device.
std::unique_ptr<Engine> make_torch_engine(std::shared_ptr<const Model> model,
                                          const EngineOptions& options, at::Device device);

}  // namespace nalar::nn
