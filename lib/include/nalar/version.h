#pragma once

#include <string>

#include <nalar/export.h>

namespace nalar {

struct VersionInfo {
  std::string version;   // "0.1.0"
  std::string commit;    // of the build, or "unknown"
  std::string compiler;
};
NALAR_API VersionInfo version_info();

// LibTorch is opened on demand: `version` when the module and LibTorch are found, else `problem` says
// what is missing and `hint` how to get it.
struct TorchInfo {
  std::string version;
  std::string path;
  std::string problem;
  std::string hint;
};
NALAR_API TorchInfo torch_info();

}  // namespace nalar
