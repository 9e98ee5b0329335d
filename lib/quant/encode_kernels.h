#pragma once

#include <nalar/dtype.h>

#include "kernels/isa.h"
#include "kernels/scalar/plain_block.h"

// The search for scales and quants, once an instruction set. Each gives the same bits: sums are of
// 16 lanes and then a fixed tree, products and sums fuse where the code says so. noexcept; nothing
// is allocated.
namespace nalar::quant {

struct EncodeKernels {
  // One block of a quantized type: scales and quants that make Σ w (x − x̂)² small. x and w:
  // block_size(type).elements floats, finite; w ≥ 0.
  void (*fit)(DType type, const float* x, const float* w, kernels::PlainBlock& out) = nullptr;
};

const EncodeKernels& encode_kernels(kernels::Isa isa) noexcept;

// The table of each folder.
const EncodeKernels& scalar_encode_kernels() noexcept;
const EncodeKernels& avx2_encode_kernels() noexcept;
const EncodeKernels& avx512_encode_kernels() noexcept;

}  // namespace nalar::quant
