#pragma once

#include <nalar/json.h>
#include <nalar/quantize.h>

#include <chrono>
#include <string>

#include "messages.h"

namespace nalar::apps {

// What --dry-run prints: a line for each tensor, and what they come to.
std::string plan_text(const QuantizePlan& plan);
Json plan_json(const QuantizePlan& plan);
// What is printed when the file is written.
std::string result_text(const QuantizeResult& result);

// Shows a quantization to a person: on a terminal a line that is written over, elsewhere a line now
// and then.
class QuantizeDisplay {
 public:
  QuantizeDisplay(const Messages& log, bool over) : log_(log), over_(over && !log.quiet) {}
  ~QuantizeDisplay() { Messages::status(""); }
  QuantizeDisplay(const QuantizeDisplay&) = delete;
  QuantizeDisplay& operator=(const QuantizeDisplay&) = delete;

  void show(const QuantizeEvent& event);

 private:
  using Clock = std::chrono::steady_clock;
  const Messages& log_;
  bool over_;
  Clock::time_point shown_ = Clock::now();
};

}  // namespace nalar::apps
