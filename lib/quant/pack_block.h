#pragma once

#include <nalar/dtype.h>

#include <cstddef>

#include "kernels/scalar/plain_block.h"

namespace nalar::quant {

// The inverse of kernels::decode_block: a block as files hold it (kernels/blocks.h). REQUIRES d and
// m to be values of f16, q, s and l to be what the type can hold.
void pack_block(DType type, const kernels::PlainBlock& block, std::byte* out) noexcept;

}  // namespace nalar::quant
