#pragma once

#include <nalar/dtype.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace nalar::io {

// A tensor to be written; `write` hands its bytes over piece by piece.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::function<void(OutputFile& file)> write;
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

// A safetensors file byte for byte as the reference writes it: tensors ordered by dtype (the widest
// first), then name; the header padded with spaces to 8 bytes. Plain types only, names that differ.
// Made with O_EXCL, for its owner alone, synced and closed; gone when anything fails. Errors:
// cannot_create, io.
void write_safetensors(FileSystem& files, const std::string& path,
                       std::vector<TensorToWrite> tensors, const Metadata& metadata);
// The same into a file that is open, which is neither synced nor closed.
void write_safetensors(OutputFile& file, std::vector<TensorToWrite> tensors,
                       const Metadata& metadata);

}  // namespace nalar::io
