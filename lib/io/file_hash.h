#pragma once

#include <cstdint>
#include <string>

#include "io/file_system.h"

namespace nalar::io {

struct FileDigest {
  uint64_t bytes = 0;
  std::string sha256;  // hex
};

// Reads a regular file once, in pieces: memory does not grow with it. Errors: no_input, io.
FileDigest digest_of(FileSystem& files, const std::string& path);
// The rest of an open one.
FileDigest digest_of(InputFile& file);

}  // namespace nalar::io
