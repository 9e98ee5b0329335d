#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/file_system.h"

namespace nalar::io {

// Maps a regular file; installs the process's SIGBUS answer at the first call. Errors: see
// FileSystem::map.
std::unique_ptr<MappedFile> map_file(const std::string& path, uint64_t max_bytes);

}  // namespace nalar::io
