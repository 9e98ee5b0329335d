#include "messages.h"

#include <nalar/terminal_text.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace nalar::apps {
namespace {

constexpr size_t kLongestLine = 4096;

}  // namespace

void Messages::line(std::string_view text) {
  const std::string whole = printable(text, kLongestLine) + "\n";
  std::string_view rest = whole;
  while (!rest.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

void Messages::error(std::string_view text) { line("nalar: " + std::string(text)); }

void Messages::note(std::string_view text) const {
  if (!quiet) line("nalar: " + std::string(text));
}

void Messages::detail(std::string_view text) const {
  if (verbose) line(text);
}

}  // namespace nalar::apps
