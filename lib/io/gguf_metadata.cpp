#include "io/gguf_metadata.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <cstring>
#include <limits>
#include <string>

#include "base/utf8.h"

namespace nalar::io {
namespace {

template <typename T>
T at(std::span<const std::byte> bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

// nullopt when the type is no integer, or the value does not fit.
std::optional<int64_t> integer_at(GgufType type, std::span<const std::byte> bytes, size_t i) {
  switch (type) {
    case GgufType::u8:
      return at<uint8_t>(bytes, i);
    case GgufType::i8:
      return at<int8_t>(bytes, i);
    case GgufType::u16:
      return at<uint16_t>(bytes, i);
    case GgufType::i16:
      return at<int16_t>(bytes, i);
    case GgufType::u32:
      return at<uint32_t>(bytes, i);
    case GgufType::i32:
      return at<int32_t>(bytes, i);
    case GgufType::i64:
      return at<int64_t>(bytes, i);
    case GgufType::u64: {
      const auto v = at<uint64_t>(bytes, i);
      if (v > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(v);
    }
    default:
      return std::nullopt;
  }
}

[[noreturn]] void wrong_kind(std::string_view key, const GgufValue& value, std::string_view need) {
  throw Error(ErrorKind::bad_data,
              fmt::format("key {}: got {}, need {}", base::escaped(key), type_name(value), need));
}

[[noreturn]] void absent(std::string_view key) {
  throw Error(ErrorKind::bad_data, fmt::format("key {} is missing", base::escaped(key)));
}

// The value under `key` as `get` reads it; an error when it is there and of another kind.
template <typename F>
auto typed(const GgufMetadata& metadata, std::string_view key, std::string_view need, F&& get)
    -> decltype(get(GgufValue{})) {
  const GgufValue* value = metadata.find(key);
  if (value == nullptr) return std::nullopt;
  auto result = get(*value);
  if (!result) wrong_kind(key, *value, need);
  return result;
}

std::string_view scalar_name(GgufType type) {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<size_t>(type)];
}

}  // namespace

size_t item_size(GgufType type) noexcept {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
      return 1;
    case GgufType::u16:
    case GgufType::i16:
      return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
      return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64:
      return 8;
    case GgufType::string:
    case GgufType::array:
      break;
  }
  return 0;
}

std::string type_name(const GgufValue& value) {
  if (value.type != GgufType::array) return std::string(scalar_name(value.type));
  return fmt::format("array of {} {}", value.count, scalar_name(value.element_type));
}

std::optional<int64_t> GgufValue::integer() const { return integer_at(type, bytes, 0); }

std::optional<double> GgufValue::number() const {
  if (type == GgufType::f32) return at<float>(bytes, 0);
  if (type == GgufType::f64) return at<double>(bytes, 0);
  if (type == GgufType::u64) return static_cast<double>(at<uint64_t>(bytes, 0));
  const auto value = integer();
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<bool> GgufValue::boolean() const {
  if (type != GgufType::boolean) return std::nullopt;
  return at<uint8_t>(bytes, 0) != 0;
}

std::optional<std::string_view> GgufValue::string() const {
  if (type != GgufType::string) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<std::vector<std::string_view>> GgufValue::strings() const {
  if (!is_array_of(GgufType::string)) return std::nullopt;
  std::vector<std::string_view> out;
  out.reserve(count);
  // The lengths were checked when the file was read.
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t length = 0;
    std::memcpy(&length, text, sizeof length);
    out.emplace_back(text + sizeof length, length);
    text += sizeof length + length;
  }
  return out;
}

std::optional<std::vector<int64_t>> GgufValue::integers() const {
  if (type != GgufType::array) return std::nullopt;
  std::vector<int64_t> out;
  // A string has no fixed size, so its elements are not looked at below.
  if (item_size(element_type) == 0) return std::nullopt;
  out.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const auto value = integer_at(element_type, bytes, i);
    if (!value) return std::nullopt;
    out.push_back(*value);
  }
  return out;
}

std::optional<std::vector<float>> GgufValue::floats() const {
  if (!is_array_of(GgufType::f32)) return std::nullopt;
  std::vector<float> out(count);
  if (count > 0) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto place = table_.find(key, [this](size_t i) { return entries_[i].first; });
  return place ? &entries_[*place].second : nullptr;
}

std::optional<int64_t> GgufMetadata::integer(std::string_view key) const {
  return typed(*this, key, "an integer", [](const GgufValue& v) { return v.integer(); });
}

std::optional<double> GgufMetadata::number(std::string_view key) const {
  return typed(*this, key, "a number", [](const GgufValue& v) { return v.number(); });
}

std::optional<bool> GgufMetadata::boolean(std::string_view key) const {
  return typed(*this, key, "a bool", [](const GgufValue& v) { return v.boolean(); });
}

std::optional<std::string_view> GgufMetadata::string(std::string_view key) const {
  return typed(*this, key, "a string", [](const GgufValue& v) { return v.string(); });
}

int64_t GgufMetadata::need_integer(std::string_view key) const {
  const auto value = integer(key);
  if (!value) absent(key);
  return *value;
}

std::string_view GgufMetadata::need_string(std::string_view key) const {
  const auto value = string(key);
  if (!value) absent(key);
  return *value;
}

bool GgufMetadata::add(std::string_view key, const GgufValue& value) {
  if (!table_.add(key, [this](size_t i) { return entries_[i].first; })) return false;
  entries_.emplace_back(key, value);
  return true;
}

}  // namespace nalar::io
