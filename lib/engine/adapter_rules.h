#pragma once

#include <nalar/adapter.h>
#include <nalar/export.h>

#include <span>

namespace nalar::engine {

// That adapters go with a model of these shapes, and with each other. Errors: usage, for adapters
// of another model, and for two that replace the same tensor or one that does so with a scale other
// than 1.
NALAR_MODULE_API void check_adapters(const ModelConfig& config, std::span<const AdapterUse> uses);

}  // namespace nalar::engine
