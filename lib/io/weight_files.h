#pragma once

#include <nalar/model_files.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "io/gguf_metadata.h"
#include "io/tensor_index.h"

namespace nalar::io {

// The weights of a model, of one file or many. Everything borrows from `maps`, which stays where it
// is when this is moved.
struct WeightFiles {
  std::vector<std::string> paths;
  std::vector<std::unique_ptr<MappedFile>> maps;  // one a path
  std::vector<std::deque<std::string>> names;     // of tensors whose names do not lie in a map
  TensorIndex index;
  GgufMetadata metadata;  // of the first GGUF file
};

// A GGUF file, or all files of the split set it belongs to. Errors: bad_data for a part that is
// missing or does not belong.
WeightFiles open_gguf(FileSystem& fs, const std::string& path, const OpenOptions& options);

// model.safetensors of a folder.
WeightFiles open_safetensors(FileSystem& fs, const std::string& folder, const OpenOptions& options);

// The shards that model.safetensors.index.json of a folder names. Errors: bad_data that names
// tensor and shard.
WeightFiles open_safetensors_shards(FileSystem& fs, const std::string& folder,
                                    const OpenOptions& options);

inline constexpr const char* kSafetensorsName = "model.safetensors";
inline constexpr const char* kSafetensorsIndexName = "model.safetensors.index.json";

}  // namespace nalar::io
