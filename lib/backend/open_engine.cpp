#include <fmt/format.h>
#include <nalar/engine.h>
#include <nalar/error.h>
#include <nalar/version.h>

#include "engine/cpu_engine.h"

namespace nalar {

std::unique_ptr<Engine> open_engine(std::shared_ptr<const Model> model,
                                    const EngineOptions& options, Device device) {
  if (device == Device::cuda) {
    const TorchInfo torch = torch_info();
    throw Error(ErrorKind::usage,
                fmt::format("--device cuda is not there yet (LibTorch, which it will need: {})",
                            torch.problem.empty() ? torch.version : torch.problem),
                "--device cpu");
  }
  return engine::make_cpu_engine(std::move(model), options);
}

}  // namespace nalar
