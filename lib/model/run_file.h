#pragma once

#include <nalar/token.h>

#include <string>
#include <string_view>
#include <vector>

namespace nalar::model {

inline constexpr const char* kRunFileName = "run.json";

// What is read of the run.json beside an adapter: the run that made it.
struct RunFile {
  std::vector<TokenId> end_tokens;          // ids that end a turn
  std::string base_name, base_fingerprint;  // or ""; see fingerprint.h
};

// Errors: bad_data that names the key, for an id that is none of vocab_size too.
RunFile parse_run_file(std::string_view json, int vocab_size);

}  // namespace nalar::model
