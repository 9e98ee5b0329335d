#include "stop_signals.h"

namespace nalar::apps {
namespace {

volatile std::sig_atomic_t stops = 0;

void on_stop(int signal) {
  if (stops != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  stops = 1;
}

}  // namespace

StopSignals::StopSignals() {
  stops = 0;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE}) {
    struct sigaction action {};
    action.sa_handler = signal == SIGPIPE ? SIG_IGN : on_stop;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, nullptr, &previous_[signal]);
    // nohup and shells that put us in the background have had it ignored: it stays so.
    if (previous_[signal].sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (const auto& [signal, action] : previous_) ::sigaction(signal, &action, nullptr);
}

bool StopSignals::asked() const { return stops != 0; }

}  // namespace nalar::apps
