#include <nalar/engine.h>
#include <nalar/error.h>

#include <filesystem>

#include "backend/torch_module.h"
#include "engine/cpu_engine.h"

namespace nalar {
namespace {

// LibTorch is opened, which takes a while, only where there is a device for it.
bool prefers_cuda() {
  std::error_code failed;
  if (!std::filesystem::exists("/dev/nvidiactl", failed)) return false;
  const backend::TorchModule module = backend::open_torch_module();
  return module.entry != nullptr && module.entry->has_cuda();
}

}  // namespace

std::unique_ptr<Engine> open_engine(std::shared_ptr<const Model> model,
                                    const EngineOptions& options, Device device) {
  if (device == Device::cpu || (device == Device::automatic && !prefers_cuda())) {
    return engine::make_cpu_engine(std::move(model), options);
  }
  const backend::TorchModule module = backend::open_torch_module();
  if (module.entry == nullptr) {
    throw Error(ErrorKind::config, "--device cuda needs LibTorch: " + module.problem, module.hint);
  }
  return module.entry->make_engine(std::move(model), options);
}

}  // namespace nalar
