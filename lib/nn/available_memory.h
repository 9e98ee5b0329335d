#pragma once

#include <cstdint>

namespace nalar::nn {

// Bytes that this process may still take without swapping: of the machine, within its cgroups'
// limits.
int64_t available_memory();

}  // namespace nalar::nn
