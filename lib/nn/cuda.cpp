#include "nn/cuda.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <nalar/error.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "base/memory.h"

namespace nalar::nn {
namespace {
namespace fs = std::filesystem;

constexpr const char* kInstallDriver = "install NVIDIA's driver, or --device cpu";
constexpr const char* kInstallTorch =
    "pip install torch, with all that it needs, and set NALAR_LIBTORCH_DIR to its folder; or "
    "--device cpu";

// LibTorch's kernels for CUDA, which lie beside those for the CPU.
fs::path cuda_library() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&at::show_config), &info) == 0) return {};
  return fs::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
}

at::Device open_cuda(const fs::path& library) {
  // cuBLAS repeats its bits only with a workspace that is set; the user's own stays.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  // Before the first question about CUDA: LibTorch remembers the answer.
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) == nullptr) {
    throw Error(ErrorKind::config, std::string("CUDA: ") + dlerror(), kInstallTorch);
  }
  if (!at::hasCUDA() || at::getNumGPUs() == 0) {
    throw Error(ErrorKind::config, "CUDA: LibTorch finds no device", kInstallDriver);
  }
  return at::Device(at::kCUDA, 0);
}

}  // namespace

at::Device open_device(Device device) {
  if (device == Device::cpu) return at::kCPU;
  std::error_code failed;
  const fs::path library = cuda_library();
  const bool driver = fs::exists("/dev/nvidiactl", failed);
  const bool kernels = fs::exists(library, failed);
  if (driver && kernels) return open_cuda(library);
  if (device == Device::automatic) return at::kCPU;
  if (!driver) throw Error(ErrorKind::config, "CUDA: need /dev/nvidiactl", kInstallDriver);
  throw Error(ErrorKind::config, "CUDA: need " + library.string(), kInstallTorch);
}

int64_t free_memory(at::Device device) {
  if (device.is_cpu()) {
    return base::available_memory().value_or(std::numeric_limits<int64_t>::max());
  }
  return static_cast<int64_t>(
      at::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
}

}  // namespace nalar::nn
