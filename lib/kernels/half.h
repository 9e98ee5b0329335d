#pragma once

#include "kernels/blocks.h"

namespace nalar::kernels {

// IEEE half ↔ single, as the hardware does it: subnormals kept, round to nearest even, NaNs made
// quiet.
float from_f16(f16 bits) noexcept;
f16 to_f16(float value) noexcept;

}  // namespace nalar::kernels
