#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nalar::report {

// The energy that the processor packages have used, by the counters of Linux' powercap (RAPL): the
// whole package, whoever used it.
class EnergyMeter {
 public:
  explicit EnergyMeter(const std::string& powercap = "/sys/class/powercap");

  // Joules since construction; nullopt where the machine has no counter or does not let us read
  // it. The counters wrap around (some within half an hour at full load): to be called more often
  // than that.
  std::optional<double> joules();

 private:
  struct Counter {
    std::string path;
    uint64_t range = 0;  // microjoules; it wraps after this value
    uint64_t last = 0;
    uint64_t used = 0;
  };
  std::vector<Counter> counters_;
};

}  // namespace nalar::report
