#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/training_record.h"

namespace nalar::report {

inline constexpr const char* kRunFormat = "nalar.run/1";

// The run manifest: what went in (hashes of base and data, settings, seed, versions), what it took
// (tokens, FLOPs, time, energy) and what came out. Paths in settings and data are cut to their last
// part, so that no folder of this machine gets out.
std::string run_json(const TrainingRecord& record);

// What a reader of an adapter needs of it.
struct RunSummary {
  std::string base_name;
  std::vector<FileHash> base_files;
  std::vector<int64_t> end_tokens;
  std::vector<std::string> end_pieces;  // beside end_tokens
};

// Errors: bad_data that names the key. Keys it does not know are left alone.
RunSummary parse_run_json(std::string_view text);

}  // namespace nalar::report
