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

// A regular file that is read from its beginning, by calls of the system: a failing disk is an
// error, where a mapped file would end the program.
class InputFile {
 public:
  virtual ~InputFile() = default;
  virtual uint64_t size() const = 0;  // when it was opened
  // How many bytes were read; 0 at the end.
  virtual size_t read(std::span<std::byte> bytes) = 0;
};

// A file being written. A new one is gone when it is destroyed without close().
class OutputFile {
 public:
  virtual ~OutputFile() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  // In place of bytes that were written, at `offset` of the file; write() goes on at the end.
  virtual void overwrite(uint64_t offset, std::span<const std::byte> bytes) = 0;
  // Where it is now: one that is written aside gets its name later.
  virtual const std::string& path() const = 0;
  // An error is final: what was written may be lost, and syncing again would not tell.
  virtual void sync() = 0;
  virtual void close() = 0;
};

// Held until it is destroyed, or its process ends in whatever way.
class FolderLock {
 public:
  virtual ~FolderLock() = default;
};

enum class PathKind { missing, file, directory, other };

inline constexpr uint64_t kNoLimit = ~uint64_t{0};

// Everything that touches the disk. The real one is file_system(); tests put a fault-injecting one
// in its place. Errors: no_input, cannot_create, io; each names the path, that of a full disk also
// the bytes that are free.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Follows links. no_input where the path cannot be looked at: no permission, a loop of links.
  virtual PathKind kind(const std::string& path) = 0;
  // Regular files only, never waiting (a pipe is no_input); bad_data over max_bytes.
  virtual std::unique_ptr<MappedFile> map(const std::string& path,
                                          uint64_t max_bytes = kNoLimit) = 0;
  virtual std::unique_ptr<InputFile> open(const std::string& path) = 0;     // regular files only
  virtual std::vector<std::string> list(const std::string& directory) = 0;  // names, sorted
  virtual std::string canonical(const std::string& path) = 0;               // links resolved
  // O_EXCL: cannot_create where something of that name exists, a dangling link too.
  virtual std::unique_ptr<OutputFile> create(const std::string& path, int mode) = 0;
  // Goes on writing an existing file at `offset`; what was behind it is cut off. bad_data where the
  // file ends before it.
  virtual std::unique_ptr<OutputFile> append(const std::string& path, uint64_t offset) = 0;
  virtual void make_directory(const std::string& path, int mode) = 0;
  virtual void rename(const std::string& from, const std::string& to) = 0;
  virtual void remove(const std::string& path) = 0;            // a file, or a link itself
  virtual void remove_directory(const std::string& path) = 0;  // an empty one
  // Of a file that is closed; what is read afterwards comes from the disk, not from memory.
  virtual void sync_file(const std::string& path) = 0;
  virtual void sync_directory(const std::string& directory) = 0;
  virtual uint64_t free_bytes(const std::string& path) = 0;  // for this user, where `path` is
  // Of all processes one at a time holds a folder. nullptr: another one does, now.
  virtual std::unique_ptr<FolderLock> lock(const std::string& directory) = 0;
};

FileSystem& file_system();

// The whole file (regular, pipe or "/dev/stdin") in memory. Errors: no_input; io; bad_data over
// max_bytes.
std::string read_file(const std::string& path, size_t max_bytes);
// The same of a regular file.
std::string read_file(FileSystem& files, const std::string& path, size_t max_bytes);

// Makes the folder and those above it that are missing, and syncs what holds them.
void make_directories(FileSystem& files, const std::string& path, int mode);
// Removes a folder and the files in it. There are to be no folders in it.
void remove_flat_directory(FileSystem& files, const std::string& path);

}  // namespace nalar::io
