#pragma once

#include <nalar/engine.h>

#include "kernels/linear_kernels.h"
#include "kernels/vector_kernels.h"

namespace nalar::engine {

// The kernels of one engine, and what it computes with.
struct KernelSet {
  KernelSet(kernels::Isa isa_, Compute compute_)
      : isa(isa_),
        compute(compute_),
        linear(kernels::linear_kernels(isa_)),
        vector(kernels::vector_kernels(isa_)) {}

  kernels::Isa isa;
  Compute compute;
  const kernels::LinearKernels& linear;
  const kernels::VectorKernels& vector;

  kernels::Operand operand(DType weight) const {
    return compute == Compute::automatic && is_quantized(weight) ? kernels::Operand::int8
                                                                 : kernels::Operand::fp32;
  }
  kernels::KvType kv_type() const {
    return compute == Compute::automatic ? kernels::KvType::half : kernels::KvType::single;
  }
};

}  // namespace nalar::engine
