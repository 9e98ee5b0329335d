#include "stop_signals.h"

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "support/catch.h"

namespace nalar::apps {
namespace {

// How a process that does this ends: its exit code, or the signal's number negated.
int end_of(const std::function<int()>& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    // Catch2 has handlers of its own.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) std::signal(signal, SIG_DFL);
    ::_exit(run());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("the first signal asks for a stop") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    CHECK(end_of([signal] {
            const StopSignals signals;
            if (signals.asked()) return 1;
            std::raise(signal);
            return signals.asked() ? 0 : 2;
          }) == 0);
  }
}

TEST_CASE("the second ends, whichever it is") {
  CHECK(end_of([] {
          const StopSignals signals;
          std::raise(SIGTERM);
          std::raise(SIGTERM);
          return 0;
        }) == -SIGTERM);
  CHECK(end_of([] {
          const StopSignals signals;
          std::raise(SIGUSR1);
          std::raise(SIGINT);
          return 0;
        }) == -SIGINT);
}

TEST_CASE("a closed pipe does not end it; what was ignored stays so") {
  CHECK(end_of([] {
          const StopSignals signals;
          std::raise(SIGPIPE);
          return signals.asked() ? 1 : 0;
        }) == 0);
  CHECK(end_of([] {
          std::signal(SIGHUP, SIG_IGN);
          const StopSignals signals;
          std::raise(SIGHUP);
          std::raise(SIGHUP);
          return signals.asked() ? 1 : 0;
        }) == 0);
}

TEST_CASE("afterwards signals are as before") {
  CHECK(end_of([] {
          { const StopSignals signals; }
          std::raise(SIGTERM);
          return 0;
        }) == -SIGTERM);
}

}  // namespace nalar::apps
