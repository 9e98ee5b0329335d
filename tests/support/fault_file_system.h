#pragma once

#include <nalar/error.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace nalar::test {

// A file system in memory that knows what of it is on the disk for sure: the bytes of a file that
// were there at its last sync, the names of a folder that were there at its last sync. A copy of it
// is the state at that moment. Paths are absolute or below "/".
class MemoryDisk final : public io::FileSystem {
 public:
  explicit MemoryDisk(uint64_t capacity = uint64_t{1} << 40);

  // Picks one of n alternatives, from 0 to n-1.
  using Choose = std::function<int(int n)>;
  // What may be found after the power went away now. Each change of a folder since its last sync is
  // there or not, apart from the others (a rename in one folder: the old name or the new one). The
  // bytes of a file that was not synced are those of its last sync, those that were written, the
  // first half of them, or zeros where they were.
  MemoryDisk after_power_loss(const Choose& choose) const;

  io::PathKind kind(const std::string& path) override;
  std::unique_ptr<io::MappedFile> map(const std::string& path, uint64_t max_bytes) override;
  std::unique_ptr<io::InputFile> open(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) override;
  std::string canonical(const std::string& path) override { return path; }
  std::unique_ptr<io::OutputFile> create(const std::string& path, int mode) override;
  std::unique_ptr<io::OutputFile> append(const std::string& path, uint64_t offset) override;
  void make_directory(const std::string& path, int mode) override;
  void rename(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  void remove_directory(const std::string& path) override;
  void sync_file(const std::string& path) override;
  void sync_directory(const std::string& directory) override;
  uint64_t free_bytes(const std::string& path) override;
  std::unique_ptr<io::FolderLock> lock(const std::string& directory) override;

  // For tests that look at or damage a file.
  std::string& bytes(const std::string& path);
  int mode(const std::string& path);

 private:
  friend class MemoryOutput;
  struct Change {
    std::string gone;  // "" for none
    std::string name;  // "" for none
    size_t node = 0;
  };
  struct Node {
    bool directory = false;
    int mode = 0;
    std::string now, synced;                            // of a file
    std::map<std::string, size_t> names, synced_names;  // of a directory
    std::vector<Change> changes;                        // since its last sync
  };

  std::optional<size_t> find(const std::string& path) const;
  Node& existing(const std::string& path, bool directory);
  Node& parent_of(const std::string& path);
  size_t add(const std::string& path, Node node);
  void take_away(const std::string& path, bool directory);
  void settle(size_t node, const Choose& choose);
  uint64_t used(size_t node) const;
  static void apply(std::map<std::string, size_t>& names, const Change& change);

  uint64_t capacity_;
  std::vector<Node> nodes_;  // the first one is "/"
  std::shared_ptr<std::set<std::string>> locked_ = std::make_shared<std::set<std::string>>();
};

// Each combination of choices once: `body` is called until all were made or `limit` of them.
// Returns how many.
int for_each_choice(int limit, const std::function<void(const MemoryDisk::Choose&)>& body);

// Another file system behind a hook, which is called before every call, also those of open files,
// and may throw in its place.
class HookedFileSystem final : public io::FileSystem {
 public:
  using Hook = std::function<void(const std::string& path)>;
  HookedFileSystem(io::FileSystem& disk, Hook hook) : disk_(disk), hook_(std::move(hook)) {}

  io::PathKind kind(const std::string& path) override { return at(path).kind(path); }
  std::unique_ptr<io::MappedFile> map(const std::string& path, uint64_t max_bytes) override {
    return at(path).map(path, max_bytes);
  }
  std::unique_ptr<io::InputFile> open(const std::string& path) override;
  std::vector<std::string> list(const std::string& path) override { return at(path).list(path); }
  std::string canonical(const std::string& path) override { return at(path).canonical(path); }
  std::unique_ptr<io::OutputFile> create(const std::string& path, int mode) override;
  std::unique_ptr<io::OutputFile> append(const std::string& path, uint64_t offset) override;
  void make_directory(const std::string& path, int mode) override {
    at(path).make_directory(path, mode);
  }
  void rename(const std::string& from, const std::string& to) override {
    at(from).rename(from, to);
  }
  void remove(const std::string& path) override { at(path).remove(path); }
  void remove_directory(const std::string& path) override { at(path).remove_directory(path); }
  void sync_file(const std::string& path) override { at(path).sync_file(path); }
  void sync_directory(const std::string& path) override { at(path).sync_directory(path); }
  uint64_t free_bytes(const std::string& path) override { return at(path).free_bytes(path); }
  std::unique_ptr<io::FolderLock> lock(const std::string& path) override {
    return at(path).lock(path);
  }

 private:
  io::FileSystem& at(const std::string& path) {
    hook_(path);
    return disk_;
  }

  io::FileSystem& disk_;
  Hook hook_;
};

// A hook whose n-th call fails with Error(io), "injected", and all after it if `for_good`.
class NthCallFails {
 public:
  NthCallFails(int n, bool for_good) : n_(n), for_good_(for_good) {}
  void operator()(const std::string& path);
  bool failed() const { return calls_ >= n_; }

 private:
  int n_;
  bool for_good_;
  int calls_ = 0;
};

// One call of the file system that failed, and what came of it.
struct Fault {
  int call = 0;  // which, from 1
  bool for_good = false;
  std::optional<Error> error;  // none: it went unnoticed
};

// Does `work` on a copy of `before` with its first call failing, then its second, … until none is
// left to fail: each alone, then with all after it. `check` sees the copy afterwards. Returns how
// many calls `work` makes; it must succeed when none fails.
int fail_each_call(const MemoryDisk& before, const std::function<void(io::FileSystem&)>& work,
                   const std::function<void(MemoryDisk& after, const Fault&)>& check);

}  // namespace nalar::test
