// Stands for a libnalar_torch.so of another build.
#include "base/torch_module.h"

extern "C" __attribute__((visibility("default"))) const nalar::base::TorchModuleEntry*
nalar_torch_module() {
  static const nalar::base::TorchModuleEntry entry{"another build", "0.0.0", nullptr,
                                                   nullptr,         nullptr, nullptr};
  return &entry;
}
