#pragma once

#include <string>

#include "base/torch_module.h"

namespace nalar::backend {

// What opening libnalar_torch.so came to: an entry and where it was found, or a problem and a hint.
struct TorchModule {
  const base::TorchModuleEntry* entry = nullptr;
  std::string path;
  std::string problem;
  std::string hint;
};

// Looks for the module in NALAR_LIBTORCH_DIR, beside the code that runs (the build's lib folder),
// and in lib/nalar of an installation; never in the working directory. Where NALAR_LIBTORCH_DIR
// names a LibTorch folder, its libraries are used in place of those that the module was linked
// with. Costs some 0.4 s the first time; the module stays open.
TorchModule open_torch_module();

}  // namespace nalar::backend
