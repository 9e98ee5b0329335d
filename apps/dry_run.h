#pragma once

#include "model_flags.h"
#include "output.h"

namespace nalar::apps {

// "612.0 MiB"
std::string mib(int64_t bytes);

// What running the model would take, against what this machine has.
void dry_run(const Model& model, const ModelFlags& flags, bool json, Output& out);

}  // namespace nalar::apps
