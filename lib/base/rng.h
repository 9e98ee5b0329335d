#pragma once

#include <nalar/export.h>

#include <array>
#include <cstdint>

namespace nalar::base {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four
// random words as a function of a key and a counter. Nothing is carried from draw to draw.
NALAR_MODULE_API std::array<uint32_t, 4> philox(uint64_t key, uint64_t counter_low,
                                                uint64_t counter_high) noexcept;

// In [0, 1), 53 bits, of (seed, stream, position).
double uniform(uint64_t seed, uint64_t stream, uint64_t position) noexcept;

}  // namespace nalar::base
