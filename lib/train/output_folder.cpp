#include "train/output_folder.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <random>
#include <span>

#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"

namespace nalar::train {
namespace {

constexpr const char* kCheckpoints = "checkpoints";
constexpr const char* kRunIdName = "run-id";
constexpr size_t kRunIdDigits = 32;

std::string new_run_id() {
  std::random_device random;
  std::string id;
  while (id.size() < kRunIdDigits) id += fmt::format("{:08x}", random());
  return id;
}

bool is_run_id(std::string_view text) {
  return text.size() == kRunIdDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

LogFile::LogFile(io::FileSystem& files, const std::string& path, int64_t bytes) : bytes_(bytes) {
  try {
    if (files.kind(path) != io::PathKind::missing) {
      file_ = files.append(path, static_cast<uint64_t>(bytes));
      return;
    }
    if (bytes > 0) notice(fmt::format("{} is gone: begun anew", path));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_data) throw;
    notice(fmt::format("{}: begun anew", error.what()));
    files.remove(path);
  }
  bytes_ = 0;
  file_ = files.create(path, io::kSharedFile);
}

LogFile::~LogFile() {
  try {
    file_->close();
  } catch (const Error&) {
    // What a checkpoint counts on was synced, and sync() told what failed.
  }
}

void LogFile::add(std::string_view line) {
  file_->write(std::as_bytes(std::span(line)));
  bytes_ += static_cast<int64_t>(line.size());
}

OutputFolder::OutputFolder(io::FileSystem& files, std::string path, bool resume)
    : files_(files), path_(std::move(path)) {
  const io::PathKind kind = files_.kind(path_);
  if (kind == io::PathKind::missing) return;
  if (kind != io::PathKind::directory || !resume) {
    throw Error(ErrorKind::cannot_create, "exists already",
                kind == io::PathKind::directory ? "--resume goes on with it; or another -o" : "")
        .in_file(path_);
  }
  const std::string id_path = io::join(checkpoint_path(), kRunIdName);
  if (files_.kind(id_path) == io::PathKind::missing) {
    if (is_empty()) return;
    throw Error(ErrorKind::cannot_create, "is not the folder of a training run", "another -o")
        .in_file(path_);
  }
  lock();
  std::string id = io::read_file(files_, id_path, kRunIdDigits + 1);
  if (id.ends_with('\n')) id.pop_back();
  if (!is_run_id(id)) {
    throw Error(ErrorKind::bad_data, "is no run id: need 32 hexadecimal digits").in_file(id_path);
  }
  run_id_ = std::move(id);
}

void OutputFolder::lock() {
  lock_ = files_.lock(checkpoint_path());
  if (lock_) return;
  throw Error(ErrorKind::try_again, "another process trains in it",
              "wait for its end, or another -o")
      .in_file(path_);
}

std::string OutputFolder::path_of(std::string_view name) const { return io::join(path_, name); }

std::string OutputFolder::checkpoint_path() const { return path_of(kCheckpoints); }

// What a run leaves that was stopped before it wrote its id.
bool OutputFolder::is_empty() const {
  for (const std::string& name : files_.list(path_)) {
    if (name != kCheckpoints) return false;
  }
  if (files_.kind(checkpoint_path()) != io::PathKind::directory) return true;
  const std::vector<std::string> names = files_.list(checkpoint_path());
  return std::all_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.starts_with('.'); });
}

std::optional<io::CheckpointDir::Found> OutputFolder::newest(
    const std::function<void(const std::string&)>& notice) const {
  if (run_id_.empty()) return std::nullopt;
  return io::CheckpointDir(files_, checkpoint_path(), run_id_).newest(notice);
}

void OutputFolder::prepare(int64_t checkpoint_bytes, int keep) {
  io::make_directories(files_, path_, io::kSharedFolder);
  io::make_directories(files_, checkpoint_path(), io::kPrivateFolder);
  if (run_id_.empty()) {
    lock();
    const std::string id_path = io::join(checkpoint_path(), kRunIdName);
    if (files_.kind(id_path) != io::PathKind::missing) {  // of a run that began and ended meanwhile
      throw Error(ErrorKind::cannot_create, "exists already").in_file(path_);
    }
    run_id_ = new_run_id();
    io::write_atomically(files_, id_path, io::kPrivateFile, run_id_ + "\n");
  }
  checkpoints_.emplace(files_, checkpoint_path(), run_id_);
  checkpoints_->prepare(checkpoint_bytes, keep);
}

}  // namespace nalar::train
