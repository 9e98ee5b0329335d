#pragma once

#include "model_flags.h"
#include "output.h"

namespace nalar::apps {

// Bytes that this process can still have: the machine's and its control group's.
std::optional<int64_t> available_memory();
// "612.0 MiB"
std::string mib(int64_t bytes);

// What running the model would take, against what this machine has.
void dry_run(const Model& model, const ModelFlags& flags, bool json, Output& out);

}  // namespace nalar::apps
