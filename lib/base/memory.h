#pragma once

#include <nalar/export.h>

#include <cstdint>

namespace nalar::base {

// The most memory this process has held (VmHWM), in bytes; pages of mapped files that are resident
// count.
int64_t peak_memory();

// Bytes that this process may still take without swapping: of the machine, within its cgroups'
// limits.
NALAR_MODULE_API int64_t available_memory();

}  // namespace nalar::base
