#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::io {

// A file that is mapped for reading. If it shrinks while it is mapped, reading past its new end
// ends the program with the prepared error line and code 74 (see mapped_file.cpp), never in SIGBUS.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual std::span<const std::byte> bytes() const = 0;
  // See ModelFiles::release_pages.
  virtual void release_pages(std::span<const std::byte> bytes) const = 0;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes().data()), bytes().size()};
  }
};

// A new file being written; gone when it is destroyed without close().
class OutputFile {
 public:
  virtual ~OutputFile() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  virtual void sync() = 0;
  virtual void close() = 0;
};

enum class PathKind { missing, file, directory, other };

inline constexpr uint64_t kNoLimit = ~uint64_t{0};

// Everything that touches the disk. The real one is file_system(); tests put a fault-injecting one
// in its place. Errors: no_input, cannot_create, io; each names the path.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Follows links. no_input where the path cannot be looked at: no permission, a loop of links.
  virtual PathKind kind(const std::string& path) = 0;
  // Regular files only, never waiting (a pipe is no_input); bad_data over max_bytes.
  virtual std::unique_ptr<MappedFile> map(const std::string& path,
                                          uint64_t max_bytes = kNoLimit) = 0;
  virtual std::vector<std::string> list(const std::string& directory) = 0;  // names, sorted
  virtual std::string canonical(const std::string& path) = 0;               // links resolved
  // O_EXCL: cannot_create where something of that name exists, a dangling link too.
  virtual std::unique_ptr<OutputFile> create(const std::string& path, int mode) = 0;
  virtual void rename(const std::string& from, const std::string& to) = 0;
  virtual void remove(const std::string& path) = 0;
  virtual void sync_directory(const std::string& directory) = 0;
};

FileSystem& file_system();

// The whole file (regular, pipe or "/dev/stdin") in memory. Errors: no_input; io; bad_data over
// max_bytes.
std::string read_file(const std::string& path, size_t max_bytes);

}  // namespace nalar::io
