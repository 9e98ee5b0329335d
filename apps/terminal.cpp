#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace nalar::apps {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int terminal_columns(int fd) {
  const int given = std::atoi(variable("COLUMNS").data());
  if (given > 0) return given;
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool can_overwrite(int fd) { return ::isatty(fd) == 1 && variable("TERM") != "dumb"; }

bool has_colours(int fd) { return can_overwrite(fd) && variable("NO_COLOR").empty(); }

}  // namespace nalar::apps
