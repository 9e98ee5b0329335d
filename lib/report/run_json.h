#pragma once

#include <string>

#include "report/training_record.h"

namespace nalar::report {

inline constexpr const char* kRunFormat = "nalar.run/1";

// The run manifest: what went in (hashes of base and data, settings, seed, versions), what it took
// (tokens, FLOPs, time, energy) and what came out. Paths in settings and data are cut to their last
// part, so that no folder of this machine gets out. model/run_file.h reads what an adapter needs of
// it.
std::string run_json(const TrainingRecord& record);

}  // namespace nalar::report
