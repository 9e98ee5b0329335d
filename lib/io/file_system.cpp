#include "io/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <nalar/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "io/file_descriptor.h"
#include "io/mapped_file.h"

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

namespace {

void write_all(int fd, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw_errno(n < 0 ? errno : EIO, path, "cannot be written", true);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

class NewFile final : public OutputFile {
 public:
  NewFile(FileDescriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  ~NewFile() override {
    if (!closed_) ::unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) override { write_all(file_.get(), bytes, path_); }

  void sync() override {
    if (fsync(file_.get()) != 0) throw_errno(errno, path_, "cannot be written", true);
  }

  void close() override {
    // Some file systems report a full disk only here.
    if (::close(file_.release()) != 0) throw_errno(errno, path_, "cannot be written", true);
    closed_ = true;
  }

 private:
  FileDescriptor file_;
  std::string path_;
  bool closed_ = false;
};

class Disk final : public FileSystem {
 public:
  PathKind kind(const std::string& path) override {
    struct stat info = {};
    if (path.find('\0') != std::string::npos) throw_errno(EINVAL, path, "cannot be opened");
    if (::stat(path.c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return PathKind::missing;
      throw_errno(errno, path, "cannot be opened");
    }
    if (S_ISREG(info.st_mode)) return PathKind::file;
    return S_ISDIR(info.st_mode) ? PathKind::directory : PathKind::other;
  }

  std::unique_ptr<MappedFile> map(const std::string& path, uint64_t max_bytes) override {
    return map_file(path, max_bytes);
  }

  std::vector<std::string> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), closedir);
    if (!dir) throw_errno(errno, directory, "cannot be opened");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
      errno = 0;
    }
    if (errno != 0) throw_errno(errno, directory, "cannot be read");
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string canonical(const std::string& path) override {
    const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), free);
    if (!real) throw_errno(errno, path, "cannot be opened");
    return real.get();
  }

  std::unique_ptr<OutputFile> create(const std::string& path, int mode) override {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    FileDescriptor file(::open(path.c_str(), flags, static_cast<mode_t>(mode)));
    if (file.get() < 0) throw_errno(errno, path, "cannot be created", true);
    return std::make_unique<NewFile>(std::move(file), path);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) throw_errno(errno, to, "cannot be created", true);
  }

  void remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) throw_errno(errno, path, "cannot be removed", true);
  }

  void sync_directory(const std::string& directory) override {
    const FileDescriptor file = open_file(directory, O_RDONLY | O_DIRECTORY);
    if (fsync(file.get()) != 0) throw_errno(errno, directory, "cannot be written", true);
  }
};

}  // namespace

FileSystem& file_system() {
  static Disk disk;
  return disk;
}

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
    if (static_cast<size_t>(n) > max_bytes - text.size()) {
      throw Error(ErrorKind::bad_data, fmt::format("too large: limit {} bytes", max_bytes))
          .in_file(path);
    }
    text.append(chunk.data(), static_cast<size_t>(n));
  }
}

}  // namespace nalar::io
