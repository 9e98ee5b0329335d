#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/checkpoint_manifest.h"
#include "io/file_system.h"

namespace nalar::io {

// A folder of checkpoints that a crash at any moment leaves with a whole last one: a checkpoint is
// written aside (.tmp-STEP-PID), each file synced, then manifest.json with the size and SHA-256 of
// each, the folder synced, renamed to step-STEP and its parent synced. Older ones go only after the
// new one was read back and verified. One process at a time saves in a folder.
class CheckpointDir {
 public:
  CheckpointDir(FileSystem& files, std::string path, std::string run_id);

  // Makes the folder and shows that a (small) checkpoint can be written, synced, read back and
  // removed, and that there is room for `keep` + 1 of this size, those of before counted in.
  // Removes what crashed saves left. Errors: cannot_create, io.
  void prepare(int64_t checkpoint_bytes, int keep);

  // `write` makes the files in the folder it is given, none of them a folder. Keeps `keep` (≥ 1)
  // checkpoints of this run that verify, this one among them; what may be of another run stays, of
  // the same step as step-STEP.N. A whole one of this run and step is left as it is: the run has
  // one state at a step. Errors: io, cannot_create, and what `write` throws: the older ones stay.
  void save(int64_t step, const Json& identity,
            const std::function<void(const std::string& folder)>& write, int keep);

  struct Found {
    int64_t step;
    std::string folder;
    Json manifest;  // see checkpoint_manifest.h
  };
  // The newest checkpoint of this run that verifies. Damaged ones and leftovers are passed over,
  // each with a notice; those of another run (a higher stale step) too. Errors: bad_data for one
  // whose format is newer than this program.
  std::optional<Found> newest(const std::function<void(const std::string&)>& notice) const;

 private:
  // unreadable: not even the manifest, so that it may be of any run.
  enum class Health { whole, damaged, unreadable, newer_format, other_run };
  struct Finding {
    Health health;
    std::string reason;  // what is damaged, or the other run
    Json manifest;
  };

  std::string folder_of_step(int64_t step) const;
  std::string aside(int64_t step) const;
  std::vector<int64_t> steps() const;  // rising
  Finding examine(int64_t step) const;
  std::string problem_of(const CheckpointManifest& manifest, int64_t step) const;  // "" for none
  bool is_saved(int64_t step, const Json& identity);
  void write_aside(int64_t step, const Json& identity,
                   const std::function<void(const std::string& folder)>& write);
  void clear_place(int64_t step);
  void probe(int64_t bytes);
  void remove_leftovers();
  void retire(int64_t step);
  void retire_older(int64_t step, int keep);

  FileSystem& files_;
  std::string path_;
  std::string run_id_;
  std::set<int64_t> whole_;  // verified by this object: not read again to be counted
};

}  // namespace nalar::io
