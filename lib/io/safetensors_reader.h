#pragma once

#include <nalar/tensor.h>

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nalar::io {

// One safetensors file, parsed from its bytes. Views borrow from the bytes, and their names from
// `names`.
struct SafetensorsFile {
  std::vector<TensorView> tensors;  // in the order of their data
  std::vector<std::pair<std::string, std::string>> metadata;
  std::deque<std::string> names;
};

// The rules of the format's own specification (github.com/huggingface/safetensors, README). Errors:
// bad_data that names the tensor and the key.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes);

}  // namespace nalar::io
