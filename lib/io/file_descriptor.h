#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace nalar::io {

// An open file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  struct stat stat(const std::string& path) const;

 private:
  int fd_;
};

// Opens for reading, with O_CLOEXEC. Errors: no_input, naming the path and the reason.
FileDescriptor open_file(const std::string& path, int flags);
// A regular file, without waiting for anything else; no_input where it is none.
FileDescriptor open_regular(const std::string& path);

// "a folder", "a pipe", "a device", …
std::string_view kind_word(mode_t mode);

// "PATH: what: reason of errno". io for a full or failing disk, os for a lack of memory or
// descriptors, else `otherwise`'s kind: no_input where nothing was to be written.
[[noreturn]] void throw_errno(int error, const std::string& path, std::string_view what,
                              bool writing = false);

}  // namespace nalar::io
