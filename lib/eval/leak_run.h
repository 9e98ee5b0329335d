#pragma once

#include <nalar/dataset.h>

#include <optional>
#include <string>
#include <string_view>

#include "data/canaries.h"

namespace nalar::eval {

// What the run.json of a finetune tells of its data.
struct LeakRun {
  DatasetOptions rows;  // without paths
  std::string data_sha256;
  int64_t held_back = 0;         // the last rows of the data, which were not trained on
  std::optional<int64_t> clock;  // of the chat template
};

// Errors: bad_data "field K: …".
LeakRun parse_leak_run(std::string_view json);
// A canaries.json. Errors: bad_data "field K: …".
data::Canaries parse_canaries(std::string_view json);

}  // namespace nalar::eval
