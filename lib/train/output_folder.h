#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/checkpoint_dir.h"
#include "io/file_system.h"

namespace nalar::train {

// log.jsonl, which grows line by line.
class LogFile {
 public:
  // The first `bytes` of what is there stay. A log that has fewer is begun anew, with a notice.
  LogFile(io::FileSystem& files, const std::string& path, int64_t bytes);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  void add(std::string_view line);
  void sync() { file_->sync(); }
  int64_t bytes() const { return bytes_; }

 private:
  std::unique_ptr<io::OutputFile> file_;
  int64_t bytes_;
};

// The folder of one run: its results, and checkpoints/ with checkpoints and the run's own id, which
// tells them from those of any other run.
class OutputFolder {
 public:
  // Looks at what is there and makes nothing; a run that is there is this process's alone from now
  // on. Errors: cannot_create where the path exists and `resume` is off, or where it is on and this
  // is no folder of a run; try_again where another process trains in it; io.
  OutputFolder(io::FileSystem& files, std::string path, bool resume);

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view name) const;
  // See CheckpointDir::newest; nullopt where nothing was saved yet.
  std::optional<io::CheckpointDir::Found> newest(
      const std::function<void(const std::string&)>& notice) const;

  // Makes the folder, if it is new, and shows that checkpoints of this size fit. Errors:
  // cannot_create, try_again, io.
  void prepare(int64_t checkpoint_bytes, int keep);
  // REQUIRES prepare().
  io::CheckpointDir& checkpoints() { return *checkpoints_; }

 private:
  std::string checkpoint_path() const;
  bool is_empty() const;
  void lock();

  io::FileSystem& files_;
  std::string path_;
  std::string run_id_;  // "": the folder is new
  std::unique_ptr<io::FolderLock> lock_;
  std::optional<io::CheckpointDir> checkpoints_;
};

}  // namespace nalar::train
