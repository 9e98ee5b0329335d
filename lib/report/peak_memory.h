#pragma once

#include <cstdint>

namespace nalar::report {

// The most memory this process has held (VmHWM), in bytes; pages of mapped files that are resident
// count.
int64_t peak_memory();

}  // namespace nalar::report
