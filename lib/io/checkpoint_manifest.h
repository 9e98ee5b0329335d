#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_hash.h"

namespace nalar::io {

inline constexpr int kCheckpointVersion = 1;
inline constexpr const char* kManifestName = "manifest.json";
inline constexpr int64_t kMaxStep = 99'999'999;  // eight digits

// What a checkpoint is made of:
//   {"version": 1, "run_id": "…", "step": 40, "identity": {…},
//    "files": [{"name": "adapter.safetensors", "bytes": 1234, "sha256": "…"}, …], "sha256": "…"}
// The last member is the SHA-256 of the text of all before it, on one line: in every version of the
// format, so that a flipped bit is not taken for a newer version or another run.
struct CheckpointManifest {
  struct File {
    std::string name;
    FileDigest digest;
  };
  std::string run_id;
  int64_t step = 0;
  Json identity;
  std::vector<File> files;
};

Json to_json(const CheckpointManifest& manifest);

// Errors: bad_data for a text that is no JSON object or whose SHA-256 is not its own.
Json read_checkpoint_manifest(std::string_view text);
// Of what read_checkpoint_manifest() gave. Trusts nothing: names without folders and only once,
// numbers in their range. Errors: bad_data that names the key.
CheckpointManifest parse_checkpoint_manifest(const Json& json);
// Whether a later nalar wrote it, in a format that this one cannot read.
bool is_newer_format(const Json& json);

}  // namespace nalar::io
