#pragma once

#include <nalar/dtype.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "io/gguf_metadata.h"

namespace nalar::io {

// Keys of a GGUF file in the order in which they are written. A key that is set again keeps its
// place. Copies every value.
class GgufKeys {
 public:
  // Version 3's type of each: u32 for sizes, i32 for token types, and so on, as the reader's
  // GgufType.
  void set(std::string_view key, std::string_view text);
  void set_u32(std::string_view key, uint32_t value);
  void set_u64(std::string_view key, uint64_t value);
  void set_i32(std::string_view key, int32_t value);
  void set_f32(std::string_view key, float value);
  void set_bool(std::string_view key, bool value);
  void set(std::string_view key, const std::vector<std::string>& texts);
  void set(std::string_view key, const std::vector<int32_t>& values);
  void set(std::string_view key, const std::vector<float>& values);
  void set(std::string_view key, const std::vector<bool>& values);
  // A value of another file, byte for byte.
  void copy(std::string_view key, const GgufValue& value);
  void remove(std::string_view key);
  bool has(std::string_view key) const;

 private:
  friend class GgufFileWriter;
  struct Entry {
    std::string key;
    std::string bytes;  // type and value as they lie in a file
  };
  std::vector<Entry> entries_;
};

struct GgufTensorToWrite {
  std::string name;
  DType dtype = DType::f32;    // F32, F16, BF16 or a quantized type
  std::vector<int64_t> shape;  // row-major, outermost first, as TensorView's
  // Hands over exactly the tensor's bytes, piece by piece.
  std::function<void(OutputFile& file)> write;
};

// A GGUF file, version 3, its alignment from general.alignment or 32. Tensors are written in order.
// Errors: cannot_create, io; usage for a tensor whose callback gave another number of bytes.
void write_gguf(OutputFile& file, const GgufKeys& keys,
                const std::vector<GgufTensorToWrite>& tensors);
// What write_gguf will write, in bytes.
uint64_t gguf_size(const GgufKeys& keys, const std::vector<GgufTensorToWrite>& tensors);

}  // namespace nalar::io
