#include "messages.h"

#include <nalar/terminal_text.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace nalar::apps {
namespace {

constexpr size_t kLongestLine = 4096;
// From here to the end of the line is cleared.
constexpr std::string_view kClear = "\r\x1b[K";

// What stands on the terminal, of which there is one.
std::string shown_status;

void write(std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

void Messages::line(std::string_view text) {
  const std::string whole = printable(text, kLongestLine) + "\n";
  write(shown_status.empty() ? whole : std::string(kClear) + whole + shown_status);
}

void Messages::status(std::string_view text) {
  if (text.empty() && shown_status.empty()) return;
  shown_status = printable(text, kLongestLine);
  write(std::string(kClear) + shown_status);
}

void Messages::error(std::string_view text) { line("nalar: " + std::string(text)); }

void Messages::note(std::string_view text) const {
  if (!quiet) line("nalar: " + std::string(text));
}

void Messages::detail(std::string_view text) const {
  if (verbose) line(text);
}

}  // namespace nalar::apps
