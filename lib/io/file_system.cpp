#include "io/file_system.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nalar/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "io/file_descriptor.h"
#include "io/folder_file.h"

namespace nalar::io {

void throw_errno(int error, const std::string& path, std::string_view what, bool writing) {
  ErrorKind kind = writing ? ErrorKind::cannot_create : ErrorKind::no_input;
  if (error == ENOSPC || error == EDQUOT || error == EIO || error == EFBIG) kind = ErrorKind::io;
  if (error == ENOMEM || error == EMFILE || error == ENFILE) kind = ErrorKind::os;
  // generic_category's text is that of strerror in the C locale, and thread-safe.
  const std::string reason = std::generic_category().message(error);
  throw Error(kind, fmt::format("{}: {}", what, reason)).in_file(path);
}

std::string_view kind_word(mode_t mode) {
  if (S_ISREG(mode)) return "a file";
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

struct stat FileDescriptor::stat(const std::string& path) const {
  struct stat info = {};
  if (fstat(fd_, &info) != 0) throw_errno(errno, path, "cannot be read");
  return info;
}

FileDescriptor open_file(const std::string& path, int flags) {
  // A NUL would cut the name that the system sees.
  if (path.find('\0') != std::string::npos) throw_errno(EINVAL, path, "cannot be opened");
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw_errno(errno, path, "cannot be opened");
  return FileDescriptor(fd);
}

FileDescriptor open_regular(const std::string& path) {
  // O_NONBLOCK: a pipe without a writer must not hold us up.
  FileDescriptor file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  const struct stat info = file.stat(path);
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorKind::no_input, fmt::format("not a regular file: {}", kind_word(info.st_mode)))
        .in_file(path);
  }
  return file;
}

namespace {

[[noreturn]] void throw_too_large(const std::string& path, size_t max_bytes) {
  throw Error(ErrorKind::bad_data, fmt::format("too large: limit {} bytes", max_bytes))
      .in_file(path);
}

}  // namespace

std::string read_file(const std::string& path, size_t max_bytes) {
  const FileDescriptor file = open_file(path, O_RDONLY | O_NOCTTY);
  const struct stat info = file.stat(path);
  if (S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode)) {
    throw Error(ErrorKind::no_input, fmt::format("not a file: {}", kind_word(info.st_mode)))
        .in_file(path);
  }
  std::string text;
  if (S_ISREG(info.st_mode)) text.reserve(std::min(max_bytes, static_cast<size_t>(info.st_size)));
  std::vector<char> chunk(size_t{64} << 10);
  for (;;) {
    const ssize_t n = ::read(file.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(errno, path, "cannot be read");
    if (n == 0) return text;
    if (static_cast<size_t>(n) > max_bytes - text.size()) throw_too_large(path, max_bytes);
    text.append(chunk.data(), static_cast<size_t>(n));
  }
}

std::string read_file(FileSystem& files, const std::string& path, size_t max_bytes) {
  const auto file = files.open(path);
  if (file->size() > max_bytes) throw_too_large(path, max_bytes);
  std::string text(static_cast<size_t>(file->size()), '\0');
  size_t filled = 0;
  while (const size_t n = file->read(std::as_writable_bytes(std::span(text).subspan(filled)))) {
    filled += n;
  }
  text.resize(filled);
  return text;
}

void make_directories(FileSystem& files, const std::string& path, int mode) {
  if (path.ends_with('/') && path.size() > 1) {
    return make_directories(files, path.substr(0, path.size() - 1), mode);
  }
  if (path.empty() || files.kind(path) == PathKind::directory) return;
  const std::string parent = folder_of(path);
  make_directories(files, parent, mode);
  files.make_directory(path, mode);
  files.sync_directory(parent.empty() ? "." : parent);
}

void remove_flat_directory(FileSystem& files, const std::string& path) {
  for (const std::string& name : files.list(path)) files.remove(join(path, name));
  files.remove_directory(path);
}

}  // namespace nalar::io
