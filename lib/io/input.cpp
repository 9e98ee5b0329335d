#include <fcntl.h>
#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/file_system.h"

namespace nalar {
namespace {

std::string read_standard_input(size_t max_bytes) {
  std::string text;
  std::array<char, size_t{1} << 16> block;
  for (;;) {
    const ssize_t n = ::read(STDIN_FILENO, block.data(), block.size());
    if (n == 0) return text;
    if (n < 0) {
      if (errno == EINTR) continue;
      // Closed: the program starts it anew on something that cannot be read.
      const bool closed = errno == EBADF;
      throw Error(closed ? ErrorKind::usage : ErrorKind::io,
                  closed ? std::string("it is closed") : std::strerror(errno))
          .in_file("standard input");
    }
    if (text.size() + static_cast<size_t>(n) > max_bytes) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("too large: got more than {} bytes, need at most "
                              "that",
                              max_bytes))
          .in_file("standard input");
    }
    text.append(block.data(), static_cast<size_t>(n));
  }
}

}  // namespace

std::string read_input(const std::string& path, size_t max_bytes) {
  return path == "-" ? read_standard_input(max_bytes) : io::read_file(path, max_bytes);
}

void write_new_file(const std::string& path, std::string_view content) {
  const auto file = io::file_system().create(path, io::kPrivateFile);
  file->write(std::as_bytes(std::span(content)));
  file->sync();
  file->close();
}

void require_folder_of(const std::string& path) { io::require_folder_of(io::file_system(), path); }

void replace_file(const std::string& path, std::string_view content) {
  io::write_atomically(io::file_system(), path, 0600, content);
}

void remove_file(const std::string& path) {
  if (file_exists(path)) io::file_system().remove(path);
}

bool file_exists(const std::string& path) {
  return io::file_system().kind(path) != io::PathKind::missing;
}

}  // namespace nalar
