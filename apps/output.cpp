#include "output.h"

#include <nalar/error.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nalar::apps {
namespace {

constexpr size_t kBlock = size_t{1} << 16;

[[noreturn]] void fail(int error) {
  throw Error(ErrorKind::io, std::strerror(error)).in_file("standard output");
}

}  // namespace

Output::Output() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

void Output::write(std::string_view text) {
  if (text.empty()) return;
  pending_ += terminal_ && !raw_ ? filter_.push(text) : std::string(text);
  if (!pending_.empty()) at_line_start_ = pending_.back() == '\n';
  if (pending_.size() >= kBlock) flush();
}

void Output::flush() {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      pending_.clear();
      fail(error);
    }
    rest.remove_prefix(static_cast<size_t>(n));
  }
  pending_.clear();
}

void Output::end_text() {
  const std::string held = filter_.finish();
  pending_ += held;
  if (!held.empty()) at_line_start_ = false;
  if (terminal_ && !at_line_start_) pending_ += '\n';
  at_line_start_ = true;
  flush();
}

void Output::close() {
  flush();
  if (::close(STDOUT_FILENO) != 0 && errno != EINTR) fail(errno);
}

}  // namespace nalar::apps
