#include "eval/object_reader.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"

namespace nalar::eval {

ObjectReader::ObjectReader(const Json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {
  if (!object.is_object()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: got {}, need an object",
                            prefix_.empty() ? "the task" : "field " + prefix_, object.kind_name()));
  }
}

void ObjectReader::wrong(std::string_view key, std::string_view got, std::string_view need) const {
  throw Error(ErrorKind::bad_data,
              fmt::format("field {}: got {}, need {}", name_of(key), got, need));
}

const Json* ObjectReader::find(std::string_view key) {
  seen_.emplace_back(key);
  const Json* value = object_.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const Json& ObjectReader::need(std::string_view key, std::string_view what) {
  const Json* value = find(key);
  if (value == nullptr) wrong(key, "nothing", what);
  return *value;
}

std::optional<std::string> ObjectReader::text_if_any(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong(key, value->kind_name(), "a string");
  return value->as_string();
}

std::string ObjectReader::text(std::string_view key, std::string fallback) {
  return text_if_any(key).value_or(std::move(fallback));
}

int64_t ObjectReader::integer(std::string_view key, int64_t fallback, int64_t low, int64_t high) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  const bool fits =
      value->kind() == Json::Kind::integer && value->as_int64() >= low && value->as_int64() <= high;
  if (!fits) wrong(key, to_text(*value), fmt::format("an integer in {}..{}", low, high));
  return value->as_int64();
}

bool ObjectReader::boolean(std::string_view key, bool fallback) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) wrong(key, value->kind_name(), "true or false");
  return value->as_bool();
}

std::vector<std::string> ObjectReader::texts(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->as_string()};
  if (!value->is_array()) wrong(key, value->kind_name(), "a list of strings");
  std::vector<std::string> out;
  for (const Json& item : value->as_array()) {
    if (!item.is_string()) wrong(key, item.kind_name(), "a list of strings");
    out.push_back(item.as_string());
  }
  return out;
}

const Json::Array* ObjectReader::list(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) wrong(key, value->kind_name(), "a list");
  return &value->as_array();
}

void ObjectReader::skip(std::initializer_list<std::string_view> keys) {
  seen_.insert(seen_.end(), keys.begin(), keys.end());
}

void ObjectReader::end() const {
  for (const auto& [key, value] : object_.as_object()) {
    if (std::find(seen_.begin(), seen_.end(), key) == seen_.end()) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("unknown field {}", base::escaped(name_of(key), 80)));
    }
  }
}

}  // namespace nalar::eval
