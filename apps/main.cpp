#include <fcntl.h>
#include <nalar/error.h>
#include <nalar/sandbox.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "command_line.h"
#include "messages.h"

namespace nalar::apps {
namespace {

// A stream that was closed when we started would otherwise be the next file that is opened. It
// becomes /dev/null the wrong way round, so that reading or writing it fails.
void open_closed_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) == -1) ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

int report(const Error& error) {
  Messages::error(error.what());
  if (!error.hint().empty()) Messages::line("  try: " + error.hint());
  return static_cast<int>(error.kind());
}

int run_program(int argc, char** argv) {
  open_closed_streams();
  // A parent may have left it ignored; a closed pipe is to end us quietly.
  std::signal(SIGPIPE, SIG_DFL);
  const std::string lock_problem = lock_down();
  try {
    run_command_line(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                     lock_problem);
    return EXIT_SUCCESS;
  } catch (const Error& e) {
    return report(e);
  } catch (const std::bad_alloc&) {
    return report({ErrorKind::os, "out of memory"});
  } catch (const std::exception& e) {
    return report({ErrorKind::internal, std::string("unexpected: ") + e.what(),
                   "report this with the command that led to it"});
  }
}

}  // namespace
}  // namespace nalar::apps

int main(int argc, char** argv) { return nalar::apps::run_program(argc, argv); }
