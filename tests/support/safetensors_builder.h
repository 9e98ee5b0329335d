#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nalar::test {

// A safetensors file, well-formed unless told otherwise; see GgufBuilder for the idea.
class SafetensorsBuilder {
 public:
  struct Tensor {
    std::string name;
    std::string dtype = "\"F32\"";  // JSON
    std::string shape;              // JSON
    std::string data;
    std::optional<std::pair<uint64_t, uint64_t>> offsets;  // the right ones when unset
  };

  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<Tensor> tensors;
  std::optional<std::string> header;  // the whole JSON text, instead of one made of the above
  std::optional<uint64_t> header_length;
  std::string tail;  // after the last tensor

  SafetensorsBuilder& tensor(const std::string& name, const std::vector<uint64_t>& shape,
                             std::string data, const std::string& dtype = "F32");
  std::string header_text() const;
  std::string bytes() const;
};

// Some tensors of several types, an empty one, a scalar, and metadata: a seed for sweeps and
// fuzzers.
SafetensorsBuilder small_safetensors();

// Writes a file, making its folder.
void write_text(const std::string& path, const std::string& bytes);

}  // namespace nalar::test
