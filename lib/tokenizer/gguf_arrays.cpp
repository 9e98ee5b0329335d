#include "tokenizer/gguf_arrays.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <cstring>
#include <limits>

namespace nalar::tokenizer {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void wrong_type(std::string_view key, std::string_view need) {
  throw Error(ErrorKind::bad_data, fmt::format("wrong type of key {}: need {}", key, need));
}

void check_count(std::string_view key, uint64_t got, size_t need) {
  if (got == need) return;
  throw Error(
      ErrorKind::bad_data,
      fmt::format("vocabulary size mismatch: key {} has {} elements, need {}", key, got, need));
}

}  // namespace

GgufStrings need_strings(const io::GgufMetadata& metadata, std::string_view key) {
  const io::GgufValue* value = metadata.find(key);
  if (value == nullptr) throw Error(ErrorKind::bad_data, fmt::format("missing key {}", key));
  if (!value->is_array_of(io::GgufType::string)) wrong_type(key, "an array of strings");
  GgufStrings strings{text_of(value->bytes), {}};
  const std::string_view text = strings.text;
  if (text.size() > std::numeric_limits<uint32_t>::max()) {
    throw Error(ErrorKind::bad_data, fmt::format("key {} over 4 GiB", key));
  }
  strings.spans.reserve(std::min<uint64_t>(value->count, text.size() / sizeof(uint64_t)));
  size_t at = 0;
  for (uint64_t i = 0; i < value->count; ++i) {
    uint64_t length = 0;
    const bool has_length = text.size() - at >= sizeof length;
    if (has_length) std::memcpy(&length, text.data() + at, sizeof length);
    if (!has_length || length > text.size() - at - sizeof length) {
      throw Error(ErrorKind::bad_data, fmt::format("string {} in {} exceeds its array", i, key));
    }
    at += sizeof length;
    strings.spans.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(length)});
    at += length;
  }
  return strings;
}

std::string_view optional_floats(const io::GgufMetadata& metadata, std::string_view key,
                                 size_t count) {
  const io::GgufValue* value = metadata.find(key);
  if (value == nullptr) return {};
  if (!value->is_array_of(io::GgufType::f32)) wrong_type(key, "an array of f32");
  check_count(key, value->count, count);
  return text_of(value->bytes);
}

std::vector<int32_t> optional_integers(const io::GgufMetadata& metadata, std::string_view key,
                                       size_t count) {
  const io::GgufValue* value = metadata.find(key);
  if (value == nullptr) return {};
  if (!value->is_array_of(io::GgufType::i32) && !value->is_array_of(io::GgufType::u32)) {
    wrong_type(key, "an array of i32");
  }
  check_count(key, value->count, count);
  std::vector<int32_t> items(count);
  if (count > 0) std::memcpy(items.data(), value->bytes.data(), count * sizeof(int32_t));
  return items;
}

}  // namespace nalar::tokenizer
