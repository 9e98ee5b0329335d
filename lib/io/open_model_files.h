#pragma once

#include <nalar/model_files.h>

#include <memory>
#include <string>

#include "io/file_system.h"

namespace nalar::io {

// ModelFiles::open on any file system: tests put one that fails in its place. `fs` must outlive the
// result.
std::shared_ptr<const ModelFiles> open_model_files(FileSystem& fs, const std::string& path,
                                                   const OpenOptions& options);

}  // namespace nalar::io
