#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace nalar::io {

// A folder of checkpoints that a crash at any moment leaves with a whole last one: a checkpoint is
// written aside (.tmp-STEP-PID), each file synced, then manifest.json with the size and SHA-256 of
// each, the folder synced, renamed to step-STEP and its parent synced. Older ones go only after the
// new one was read back and verified.
class CheckpointDir {
 public:
  CheckpointDir(FileSystem& files, std::string path, std::string run_id);

  // Makes the folder and shows that a checkpoint of this size can be written, synced, read back and
  // removed, and that there is room for `keep` + 1 of them. Errors: cannot_create, io.
  void prepare(int64_t checkpoint_bytes, int keep);

  // `write` makes the files in the folder it is given. Errors: io, which leaves the older ones as
  // they were.
  void save(int64_t step, const Json& identity,
            const std::function<void(const std::string& folder)>& write, int keep);

  struct Found {
    int64_t step;
    std::string folder;
    Json manifest;
  };
  // The newest checkpoint of this run that verifies. Damaged ones and leftovers are passed over, each with a notice; those of
  // another run (a higher stale step) too.
  std::optional<Found> newest(const std::function<void(const std::string&)>& notice) const;

 private:
  FileSystem& files_;
  std::string path_;
  std::string run_id_;
};

}  // namespace nalar::io
