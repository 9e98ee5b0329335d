#pragma once

#include <cstdint>
#include <string>

namespace nalar::report {

// An update of the weights, and what was done so far.
struct UpdateLine {
  int64_t step = 0;
  double epoch = 0;
  double loss = 0, lr = 0, gradient_norm = 0;
  int64_t tokens = 0, label_tokens = 0;
  double tokens_per_s = 0, seconds = 0;
};
struct ValidLine {
  int64_t step = 0;
  double epoch = 0, valid_loss = 0, seconds = 0;
};

// A line of log.jsonl, its end included.
std::string log_line(const UpdateLine& line);
std::string log_line(const ValidLine& line);

}  // namespace nalar::report
