#include <ATen/Version.h>
#include <nalar/export.h>

#include <string>

#include "base/build_info.h"
#include "base/torch_module.h"
#include "nn/torch_engine.h"
#include "nn/trainable.h"

namespace {

// The version of the library that runs, which need not be that of the headers: it stands in the
// description as "TORCH_VERSION=2.15.0, ".
std::string running_version() {
  const std::string description = at::show_config();
  const std::string key = "TORCH_VERSION=";
  const size_t begin = description.find(key);
  if (begin == std::string::npos) return "unknown";
  const size_t value = begin + key.size();
  return description.substr(value, description.find_first_of(", \n", value) - value);
}

}  // namespace

extern "C" NALAR_API const nalar::base::TorchModuleEntry* nalar_torch_module() {
  static const std::string version = running_version();
  static const nalar::base::TorchModuleEntry entry{
      NALAR_BUILD_ID,           version.c_str(),     nalar::nn::make_trainable,
      nalar::nn::plan_training, nalar::nn::has_cuda, nalar::nn::make_torch_engine};
  return &entry;
}
