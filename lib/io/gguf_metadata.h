#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/name_table.h"

namespace nalar::io {

// The value types of GGUF, by the numbers of the format.
enum class GgufType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

// A value as it lies in the file, already checked to be inside it. Borrows from the mapped file.
struct GgufValue {
  GgufType type = GgufType::u8;
  GgufType element_type = GgufType::u8;  // of an array
  uint64_t count = 1;                    // elements of an array
  std::span<const std::byte> bytes;      // of the scalar, the string's text, or the array's items

  bool is_array_of(GgufType t) const { return type == GgufType::array && element_type == t; }
  // nullopt when it is not of that kind or does not fit.
  std::optional<int64_t> integer() const;  // of any integer type
  std::optional<double> number() const;    // of any integer or float type
  std::optional<bool> boolean() const;
  std::optional<std::string_view> string() const;
  // Arrays; nullopt when the elements are of another kind.
  std::optional<std::vector<std::string_view>> strings() const;
  std::optional<std::vector<int64_t>> integers() const;  // of any integer type
  std::optional<std::vector<float>> floats() const;      // of f32
};

// Bytes of one value of that type; 0 for strings and arrays, whose size is not fixed.
size_t item_size(GgufType type) noexcept;
// "u32", "string", "array of 49152 string": for messages.
std::string type_name(const GgufValue& value);

// The keys of a GGUF file (of the first of a split set). The typed getters throw Error(bad_data)
// naming the key when it is there but of the wrong kind; `need_` versions also when it is absent.
class GgufMetadata {
 public:
  const GgufValue* find(std::string_view key) const;
  const std::vector<std::pair<std::string_view, GgufValue>>& entries() const { return entries_; }

  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  int64_t need_integer(std::string_view key) const;
  std::string_view need_string(std::string_view key) const;

  // For the reader: adds a key; false when it is there already.
  bool add(std::string_view key, const GgufValue& value);

 private:
  std::vector<std::pair<std::string_view, GgufValue>> entries_;
  NameTable table_;
};

}  // namespace nalar::io
