#pragma once

#include <nalar/adapter.h>

#include <span>

#include "model/lora.h"

namespace nalar::nn {

// The adapters of an engine as one: of each matrix their ranks one after the other, the scales in
// B; the tensors that any of them replaces. REQUIRES what engine::check_adapters accepts.
model::LoraAdapter merge_adapters(const ModelConfig& config, std::span<const AdapterUse> uses);

}  // namespace nalar::nn
