#pragma once

#include <memory>

namespace nalar {

class Engine;
class Model;
struct EngineOptions;

namespace train {
class TrainableModel;
struct TrainableOptions;
struct TrainingMemory;
}  // namespace train

namespace base {

// What libnalar_torch.so exports: one function of this type under this name. Strings live as long
// as the module; build_id must be that of libnalar.so, since the two share internal types.
struct TorchModuleEntry {
  const char* build_id;
  const char* torch_version;
  // nn/trainable.h
  std::unique_ptr<train::TrainableModel> (*make_trainable)(std::shared_ptr<const Model> model,
                                                           const train::TrainableOptions& options);
  train::TrainingMemory (*plan_training)(const Model& model,
                                         const train::TrainableOptions& options);
  // nn/torch_engine.h
  bool (*has_cuda)();
  std::unique_ptr<Engine> (*make_engine)(std::shared_ptr<const Model> model,
                                         const EngineOptions& options);
};
using TorchModuleFunction = const TorchModuleEntry* (*)();
inline constexpr const char* kTorchModuleFunction = "nalar_torch_module";
inline constexpr const char* kTorchModuleFile = "libnalar_torch.so";

}  // namespace base
}  // namespace nalar
