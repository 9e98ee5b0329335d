#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <nalar/error.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "io/file_descriptor.h"
#include "io/file_system.h"
#include "io/folder_file.h"
#include "io/mapped_file.h"

// The real file system. Calls that a signal interrupts are made again, except for fsync and close,
// which would not tell twice of what was lost.
namespace nalar::io {
namespace {

std::optional<uint64_t> free_bytes_at(const std::string& path) {
  struct statvfs info = {};
  if (::statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

std::string parent(const std::string& path) {
  const std::string folder = folder_of(path);
  return folder.empty() ? "." : folder;
}

[[noreturn]] void throw_unwritten(int error, const std::string& path, std::string what) {
  if (error == ENOSPC) {
    const auto bytes = free_bytes_at(parent(path));
    if (bytes) what += fmt::format(" ({} bytes are free)", *bytes);
  }
  throw_errno(error, path, what, true);
}

template <typename Call>
auto retried(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

void sync(const FileDescriptor& file, const std::string& path) {
  if (fsync(file.get()) != 0) throw_unwritten(errno, path, "cannot be written");
}

class DiskInput final : public InputFile {
 public:
  explicit DiskInput(std::string path)
      : file_(open_regular(path)),
        path_(std::move(path)),
        size_(static_cast<uint64_t>(file_.stat(path_).st_size)) {}

  uint64_t size() const override { return size_; }

  size_t read(std::span<std::byte> bytes) override {
    const ssize_t n = retried([&] { return ::read(file_.get(), bytes.data(), bytes.size()); });
    if (n < 0) throw_errno(errno, path_, "cannot be read");
    return static_cast<size_t>(n);
  }

 private:
  FileDescriptor file_;
  std::string path_;
  uint64_t size_;
};

class DiskOutput final : public OutputFile {
 public:
  DiskOutput(FileDescriptor file, std::string path, bool is_new)
      : file_(std::move(file)), path_(std::move(path)), remove_(is_new) {}
  ~DiskOutput() override {
    if (remove_) ::unlink(path_.c_str());
  }

  void continue_at(uint64_t offset) {
    const struct stat info = file_.stat(path_);
    if (!S_ISREG(info.st_mode)) {
      throw Error(ErrorKind::cannot_create,
                  fmt::format("not a regular file: {}", kind_word(info.st_mode)))
          .in_file(path_);
    }
    const auto size = static_cast<uint64_t>(info.st_size);
    if (size < offset) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("file is short: got {} bytes, need {}", size, offset))
          .in_file(path_);
    }
    const auto end = static_cast<off_t>(offset);
    if (retried([&] { return ::ftruncate(file_.get(), end); }) != 0 ||
        ::lseek(file_.get(), end, SEEK_SET) != end) {
      throw_unwritten(errno, path_, "cannot be written");
    }
  }

  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = retried([&] { return ::write(file_.get(), bytes.data(), bytes.size()); });
      if (n <= 0) throw_unwritten(n < 0 ? errno : EIO, path_, "cannot be written");
      bytes = bytes.subspan(static_cast<size_t>(n));
    }
  }

  void overwrite(uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = retried([&] {
        return ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (n <= 0) throw_unwritten(n < 0 ? errno : EIO, path_, "cannot be written");
      bytes = bytes.subspan(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
  }

  const std::string& path() const override { return path_; }

  void sync() override { io::sync(file_, path_); }

  void close() override {
    // Some file systems report a full disk only here.
    if (::close(file_.release()) != 0) throw_unwritten(errno, path_, "cannot be written");
    remove_ = false;
  }

 private:
  FileDescriptor file_;
  std::string path_;
  bool remove_;
};

class DiskLock final : public FolderLock {
 public:
  explicit DiskLock(FileDescriptor folder) : folder_(std::move(folder)) {}

 private:
  FileDescriptor folder_;
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

  std::unique_ptr<InputFile> open(const std::string& path) override {
    return std::make_unique<DiskInput>(path);
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
    return open_to_write(path, O_CREAT | O_EXCL, mode, "cannot be created");
  }

  std::unique_ptr<OutputFile> append(const std::string& path, uint64_t offset) override {
    auto file = open_to_write(path, 0, 0, "cannot be written");
    file->continue_at(offset);
    return file;
  }

  void make_directory(const std::string& path, int mode) override {
    if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) != 0) {
      throw_unwritten(errno, path, "cannot be created");
    }
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) throw_unwritten(errno, to, "cannot be created");
  }

  void remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) throw_unwritten(errno, path, "cannot be removed");
  }

  void remove_directory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) throw_unwritten(errno, path, "cannot be removed");
  }

  void sync_file(const std::string& path) override {
    const FileDescriptor file = open_regular(path);
    sync(file, path);
    // Drops what memory holds of it. Only advice: a failure costs no correctness.
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }

  void sync_directory(const std::string& directory) override {
    sync(open_file(directory, O_RDONLY | O_DIRECTORY), directory);
  }

  uint64_t free_bytes(const std::string& path) override {
    const auto bytes = free_bytes_at(path);
    if (!bytes) throw_errno(errno, path, "cannot be looked at");
    return *bytes;
  }

  std::unique_ptr<FolderLock> lock(const std::string& directory) override {
    FileDescriptor folder = open_file(directory, O_RDONLY | O_DIRECTORY);
    if (retried([&] { return ::flock(folder.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno == EWOULDBLOCK) return nullptr;
      throw_errno(errno, directory, "cannot be locked", true);
    }
    return std::make_unique<DiskLock>(std::move(folder));
  }

 private:
  std::unique_ptr<DiskOutput> open_to_write(const std::string& path, int flags, int mode,
                                            const std::string& what) {
    if (path.find('\0') != std::string::npos) throw_errno(EINVAL, path, what, true);
    flags |= O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    FileDescriptor file(
        retried([&] { return ::open(path.c_str(), flags, static_cast<mode_t>(mode)); }));
    if (file.get() < 0) throw_unwritten(errno, path, what);
    return std::make_unique<DiskOutput>(std::move(file), path, (flags & O_CREAT) != 0);
  }
};

}  // namespace

FileSystem& file_system() {
  static Disk disk;
  return disk;
}

}  // namespace nalar::io
