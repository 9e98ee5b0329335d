#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nalar::test {

// Little-endian bytes of plain values, for keys, tensors and whole files.
template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}
// The bytes of `n` F32 values, small and different from each other: (i * 37 % 101 - 50) * scale.
std::string some_floats(int64_t n, float scale = 0.01f);

// A GGUF file, well-formed unless told otherwise. Every field that a file declares can be set apart
// from what is really written, so each malformation is one assignment:
//
//   GgufBuilder b;
//   b.text("general.architecture", "llama").number<uint32_t>("llama.block_count", 2);
//   b.tensor("token_embd.weight", {32, 64}, some_floats(32 * 64));  // [rows, columns], F32
//   b.n_tensors = 1u << 30;       // declares what is not there
//   write_text(path, b.bytes());
class GgufBuilder {
 public:
  struct Key {
    std::string name;
    std::optional<uint64_t> name_length;  // as written; the true one when unset
    uint32_t type = 0;                    // by the numbers of the format
    std::string payload;                  // what follows the type
  };
  struct Tensor {
    std::string name;
    std::optional<uint64_t> name_length;
    std::vector<uint64_t> dimensions;  // as GGUF has them: innermost first
    std::optional<uint32_t> n_dimensions;
    uint32_t type = 0;               // 0 = F32, 8 = Q8_0, …
    std::optional<uint64_t> offset;  // the right one when unset
    std::string data;
  };

  std::string magic = "GGUF";
  uint32_t version = 3;
  std::optional<uint64_t> n_tensors, n_keys;
  uint64_t alignment = 32;  // of the data; written as a key only by align()
  std::vector<Key> keys;
  std::vector<Tensor> tensors;

  GgufBuilder& text(const std::string& key, std::string_view value);
  // Of the type that T is: uint8_t … int64_t, float, double, bool.
  template <typename T>
  GgufBuilder& number(const std::string& key, T value) {
    std::string payload;
    append(payload, value);
    return add(key, type_number<T>(), std::move(payload));
  }
  template <typename T>
  GgufBuilder& numbers(const std::string& key, const std::vector<T>& values) {
    std::string payload;
    append(payload, type_number<T>());
    append(payload, uint64_t{values.size()});
    return add(key, 9, payload + bytes_of(values));
  }
  GgufBuilder& texts(const std::string& key, const std::vector<std::string>& values);
  GgufBuilder& align(uint32_t to);
  // F32; shape outermost first.
  GgufBuilder& tensor(const std::string& name, std::vector<uint64_t> shape, std::string data);
  // Any type; `data` must have the right size, unless that is the point.
  GgufBuilder& tensor(const std::string& name, std::vector<uint64_t> shape, uint32_t type,
                      std::string data);

  // Header, keys and tensor table, without padding.
  std::string header() const;
  std::string bytes() const;

 private:
  template <typename T>
  static constexpr uint32_t type_number();
  GgufBuilder& add(const std::string& key, uint32_t type, std::string payload);
};

template <typename T>
constexpr uint32_t GgufBuilder::type_number() {
  if constexpr (std::is_same_v<T, uint8_t>) return 0;
  if constexpr (std::is_same_v<T, int8_t>) return 1;
  if constexpr (std::is_same_v<T, uint16_t>) return 2;
  if constexpr (std::is_same_v<T, int16_t>) return 3;
  if constexpr (std::is_same_v<T, uint32_t>) return 4;
  if constexpr (std::is_same_v<T, int32_t>) return 5;
  if constexpr (std::is_same_v<T, float>) return 6;
  if constexpr (std::is_same_v<T, bool>) return 7;
  if constexpr (std::is_same_v<T, uint64_t>) return 10;
  if constexpr (std::is_same_v<T, int64_t>) return 11;
  if constexpr (std::is_same_v<T, double>) return 12;
}

// A small GGUF of every kind of value, with tensors of several types: a seed for sweeps and
// fuzzers.
GgufBuilder small_gguf();

}  // namespace nalar::test
