#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "io/gguf_metadata.h"
#include "io/name_table.h"

namespace nalar::io {

// Keys of a GGUF file in the order in which they are written. A key that is set again keeps its
// place. Copies every value.
class GgufKeys {
 public:
  void set(std::string_view key, std::string_view text);
  void set_u16(std::string_view key, uint16_t value);
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

  size_t size() const { return entries_.size(); }
  // A power of two: general.alignment, or 32.
  uint64_t alignment() const { return alignment_; }
  // All of them as they lie in a file.
  std::string bytes() const;

 private:
  struct Entry {
    std::string key;
    std::string bytes;  // type and value as they lie in a file
  };
  void put(std::string_view key, std::string bytes);
  auto key_at() const {
    return [this](size_t i) -> std::string_view { return entries_[i].key; };
  }

  std::vector<Entry> entries_;
  NameTable places_;  // of the keys
  uint64_t alignment_ = 32;
};

struct GgufTensorToWrite {
  std::string name;            // at most 63 bytes: what readers of the format take
  DType dtype = DType::f32;    // one that GGUF has
  std::vector<int64_t> shape;  // row-major, outermost first, as TensorView's; at most 4
  // Hands over exactly the tensor's bytes, piece by piece.
  std::function<void(OutputFile& file)> write;
  // Where the order matters in which they are handed over: those with turns are, by these. One that
  // comes before one of an earlier turn, or of a later turn than such a one, waits: its place is
  // filled with zeros meanwhile.
  std::optional<int> turn = std::nullopt;
};

// A GGUF file, version 3. Tensors lie in order, each padded to the alignment. The file is
// neither synced nor closed. Errors: bad_data for a name or a shape that the format cannot have,
// before anything is written; io; internal for a tensor that hands over another number of bytes,
// or whose name is there twice.
void write_gguf(OutputFile& file, const GgufKeys& keys,
                const std::vector<GgufTensorToWrite>& tensors);
// Puts `keys` in the place of those that were written with these tensors. Errors: internal for keys
// that take another number of bytes; io.
void rewrite_gguf_keys(OutputFile& file, const GgufKeys& written, const GgufKeys& keys,
                       const std::vector<GgufTensorToWrite>& tensors);
// What write_gguf will write, in bytes.
uint64_t gguf_size(const GgufKeys& keys, const std::vector<GgufTensorToWrite>& tensors);

}  // namespace nalar::io
