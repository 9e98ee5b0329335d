#include <nalar/sandbox.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.h"

namespace nalar {
namespace {

// In a child: the filter is for good.
template <typename F>
int exit_code_of(F&& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("after lock_down no network socket can be made, files and AF_UNIX still can") {
  CHECK(exit_code_of([] {
          if (!lock_down().empty()) return 1;
          if (!network_is_locked()) return 2;
          if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 3;
          if (open("/dev/null", O_RDONLY) < 0) return 4;
          return 0;
        }) == 0);
}

TEST_CASE("network_is_locked says no where nothing was locked") {
  CHECK(exit_code_of([] { return network_is_locked() ? 1 : 0; }) == 0);
}

}  // namespace nalar
