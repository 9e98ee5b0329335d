#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <limits>

namespace nalar {
namespace {

[[noreturn]] void wrong_kind(const Json& value, std::string_view need) {
  throw Error(ErrorKind::internal, fmt::format("JSON value of the wrong kind: got {}, need {}",
                                               value.kind_name(), need));
}

}  // namespace

bool Json::as_bool() const {
  if (const auto* v = std::get_if<bool>(&value_)) return *v;
  wrong_kind(*this, "boolean");
}

int64_t Json::as_int64() const {
  if (const auto* v = std::get_if<int64_t>(&value_)) return *v;
  const auto* v = std::get_if<uint64_t>(&value_);
  if (v == nullptr) wrong_kind(*this, "integer");
  if (*v > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    throw Error(ErrorKind::bad_data, fmt::format("integer out of range: {}", *v));
  }
  return static_cast<int64_t>(*v);
}

uint64_t Json::as_uint64() const {
  if (const auto* v = std::get_if<uint64_t>(&value_)) return *v;
  const auto* v = std::get_if<int64_t>(&value_);
  if (v == nullptr) wrong_kind(*this, "integer");
  if (*v < 0) throw Error(ErrorKind::bad_data, fmt::format("integer out of range: {}", *v));
  return static_cast<uint64_t>(*v);
}

double Json::as_double() const {
  if (const auto* v = std::get_if<double>(&value_)) return *v;
  if (const auto* v = std::get_if<int64_t>(&value_)) return static_cast<double>(*v);
  if (const auto* v = std::get_if<uint64_t>(&value_)) return static_cast<double>(*v);
  wrong_kind(*this, "number");
}

const std::string& Json::as_string() const {
  if (const auto* v = std::get_if<std::string>(&value_)) return *v;
  wrong_kind(*this, "string");
}

const Json::Array& Json::as_array() const {
  if (const auto* v = std::get_if<Array>(&value_)) return *v;
  wrong_kind(*this, "array");
}

const Json::Object& Json::as_object() const {
  if (const auto* v = std::get_if<Object>(&value_)) return *v;
  wrong_kind(*this, "object");
}

Json::Array& Json::as_array() {
  if (auto* v = std::get_if<Array>(&value_)) return *v;
  wrong_kind(*this, "array");
}

Json::Object& Json::as_object() {
  if (auto* v = std::get_if<Object>(&value_)) return *v;
  wrong_kind(*this, "object");
}

const Json* Json::find(std::string_view key) const {
  const auto* object = std::get_if<Object>(&value_);
  if (object == nullptr) return nullptr;
  for (const Member& member : *object) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

void Json::set(std::string key, Json value) {
  if (is_null()) value_ = Object{};
  for (Member& member : as_object()) {
    if (member.first != key) continue;
    member.second = std::move(value);
    return;
  }
  as_object().emplace_back(std::move(key), std::move(value));
}

std::string_view Json::kind_name() const {
  switch (kind()) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "boolean";
    case Kind::integer:
    case Kind::unsigned_integer:
      return "integer";
    case Kind::number:
      return "number";
    case Kind::string:
      return "string";
    case Kind::array:
      return "array";
    case Kind::object:
      return "object";
  }
  return "nothing";
}

}  // namespace nalar
