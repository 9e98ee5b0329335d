#pragma once

#include <nalar/export.h>

#include <cstdint>
#include <optional>

namespace nalar::base {

// The most memory this process has held (VmHWM), in bytes; pages of mapped files that are resident
// count.
int64_t peak_memory();

// Bytes that this process may still take without swapping: of the machine, within its cgroups'
// limits; nullopt where the system does not tell.
NALAR_MODULE_API std::optional<int64_t> available_memory();

}  // namespace nalar::base
