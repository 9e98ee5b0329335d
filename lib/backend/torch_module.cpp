#include "backend/torch_module.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <nalar/version.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/build_info.h"
#include "base/utf8.h"

namespace nalar::backend {
namespace {
namespace fs = std::filesystem;

constexpr const char* kHowToBuild =
    "scripts/setup installs LibTorch and builds the module; cmake -DLIBTORCH_DIR=DIR uses another "
    "one";
constexpr const char* kHowToFind =
    "set NALAR_LIBTORCH_DIR to a LibTorch folder (it holds lib/libtorch_cpu.so)";

// The folder of the library or program that this function is linked into.
fs::path own_folder() {
  Dl_info info{};
  const auto address = reinterpret_cast<const void*>(&open_torch_module);
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code failed;
  const fs::path path = fs::canonical(info.dli_fname, failed);
  // dli_fname of a program is its argv[0], which need not be a path.
  return (failed ? fs::read_symlink("/proc/self/exe", failed) : path).parent_path();
}

std::vector<fs::path> module_folders(const char* libtorch_dir) {
  std::vector<fs::path> folders;
  if (libtorch_dir != nullptr) folders.emplace_back(libtorch_dir);
  if (const fs::path own = own_folder(); !own.empty()) {
    for (const char* below : {".", "nalar", "../lib", "../lib/nalar"})
      folders.push_back(own / below);
  }
  return folders;
}

// Opens the LibTorch of this folder, so that the module finds it loaded. Returns the problem or "".
std::string open_libtorch(const fs::path& folder) {
  std::error_code failed;
  fs::path lib = folder / "lib";
  if (!fs::exists(lib / "libtorch_cpu.so", failed)) lib = folder;
  if (!fs::exists(lib / "libtorch_cpu.so", failed)) {
    return fmt::format("NALAR_LIBTORCH_DIR: no libtorch_cpu.so in {}",
                       base::escaped(folder.string()));
  }
  for (const char* file : {"libc10.so", "libtorch_cpu.so"}) {
    if (dlopen((lib / file).c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) == nullptr)
      return dlerror();
  }
  return {};
}

// Takes the module at `path`, or says why not.
TorchModule open_at(const fs::path& path) {
  TorchModule module;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    module.problem = dlerror();
    module.hint = kHowToFind;
    return module;
  }
  const auto function =
      reinterpret_cast<base::TorchModuleFunction>(dlsym(library, base::kTorchModuleFunction));
  const base::TorchModuleEntry* entry = function == nullptr ? nullptr : function();
  if (entry == nullptr || std::string_view(entry->build_id) != NALAR_BUILD_ID) {
    module.problem =
        fmt::format("{} is of another build than this program", base::escaped(path.string()));
    module.hint = kHowToBuild;
    return module;
  }
  module.entry = entry;
  module.path = path.string();
  return module;
}

}  // namespace

TorchModule open_torch_module() {
  const char* libtorch_dir = std::getenv("NALAR_LIBTORCH_DIR");
  if (libtorch_dir != nullptr && *libtorch_dir == '\0') libtorch_dir = nullptr;
  if (libtorch_dir != nullptr) {
    if (std::string problem = open_libtorch(libtorch_dir); !problem.empty()) {
      return {nullptr, {}, std::move(problem), kHowToFind};
    }
  }
  for (const fs::path& folder : module_folders(libtorch_dir)) {
    std::error_code failed;
    const fs::path path = fs::canonical(folder / base::kTorchModuleFile, failed);
    if (!failed) return open_at(path);
  }
  return {nullptr,
          {},
          fmt::format("{} is not there: it was built without LibTorch", base::kTorchModuleFile),
          kHowToBuild};
}

}  // namespace nalar::backend

namespace nalar {

TorchInfo torch_info() {
  const backend::TorchModule module = backend::open_torch_module();
  if (module.entry == nullptr) return {{}, {}, module.problem, module.hint};
  return {module.entry->torch_version, module.path, {}, {}};
}

}  // namespace nalar
