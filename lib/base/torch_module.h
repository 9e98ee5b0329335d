#pragma once

namespace nalar::base {

// What libnalar_torch.so exports: one function of this type under this name. Strings live as long
// as the module; build_id must be that of libnalar.so, since the two share internal types.
struct TorchModuleEntry {
  const char* build_id;
  const char* torch_version;
};
using TorchModuleFunction = const TorchModuleEntry* (*)();
inline constexpr const char* kTorchModuleFunction = "nalar_torch_module";
inline constexpr const char* kTorchModuleFile = "libnalar_torch.so";

}  // namespace nalar::base
