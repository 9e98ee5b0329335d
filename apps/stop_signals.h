#pragma once

#include <csignal>
#include <map>

namespace nalar::apps {

// While it lives, SIGINT, SIGTERM, SIGHUP and SIGUSR1 ask for a stop: the first is noted, a second
// ends the process at once, as killed by it. SIGPIPE is ignored. One object at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool asked() const;

 private:
  std::map<int, struct sigaction> previous_;
};

}  // namespace nalar::apps
