#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nalar/tensor.h>

namespace nalar::io {

// One safetensors file, parsed from its bytes; views borrow from them, names from `names`.
struct SafetensorsFile {
  std::vector<TensorView> tensors;  // in the order of their data
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::unique_ptr<std::string>> names;
};

// The rules of the format's own specification. Errors: bad_data that names the tensor and the key.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes);

}  // namespace nalar::io
