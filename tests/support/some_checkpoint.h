#pragma once

#include <nalar/json.h>

#include <string>

#include "io/checkpoint_dir.h"
#include "io/folder_file.h"
#include "support/fault_file_system.h"

namespace nalar::io {

inline void write_file(FileSystem& fs, const std::string& path, const std::string& text,
                       bool sync) {
  const auto file = fs.create(path, 0600);
  file->write(std::as_bytes(std::span(text)));
  if (sync) file->sync();
  file->close();
}

inline std::string weights_of(int64_t step) {
  return std::string(1500, static_cast<char>('a' + step / 10 % 26)) + std::to_string(step);
}

inline const Json kIdentity = Json::Object{{"base", "0123"}, {"lr", 1e-4}, {"threads", 2}};

// A checkpoint of two files, of which the caller syncs one.
inline void save_step(CheckpointDir& dir, FileSystem& fs, int64_t step, int keep = 2) {
  dir.save(
      step, kIdentity,
      [&](const std::string& folder) {
        write_file(fs, join(folder, "adapter.safetensors"), weights_of(step), true);
        write_file(fs, join(folder, "state.json"), "{\"step\":" + std::to_string(step) + "}",
                   false);
      },
      keep);
}

// The files are those of its step.
inline bool is_whole(FileSystem& fs, const CheckpointDir::Found& found) {
  return read_file(fs, join(found.folder, "adapter.safetensors"), 10'000) ==
             weights_of(found.step) &&
         read_file(fs, join(found.folder, "state.json"), 100) ==
             "{\"step\":" + std::to_string(found.step) + "}" &&
         to_text(*found.manifest.find("identity")) == to_text(kIdentity);
}

// The step of the newest; 0 where there is none.
inline int64_t newest_step(FileSystem& fs, const std::string& path = "/run/checkpoints",
                           std::vector<std::string>* notices = nullptr) {
  const auto found = CheckpointDir(fs, path, "run A").newest([&](const std::string& line) {
    if (notices != nullptr) notices->push_back(line);
  });
  return found && is_whole(fs, *found) ? found->step : found ? -1 : 0;
}

}  // namespace nalar::io
