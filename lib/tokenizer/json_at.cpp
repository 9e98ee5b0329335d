#include "tokenizer/json_at.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"

namespace nalar::tokenizer {

std::string JsonAt::below(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::optional<JsonAt> JsonAt::find(std::string_view key) const {
  object();
  const Json* member = value_->find(key);
  if (member == nullptr || member->is_null()) return std::nullopt;
  return JsonAt(*member, below(key));
}

JsonAt JsonAt::need(std::string_view key) const {
  if (const auto member = find(key)) return *member;
  throw Error(ErrorKind::bad_data, fmt::format("missing key {}", below(key)));
}

void JsonAt::fail(std::string_view what) const {
  throw Error(ErrorKind::bad_data,
              path_.empty() ? std::string(what) : fmt::format("{} (key {})", what, path_));
}

void JsonAt::wrong_kind(std::string_view need) const {
  fail(fmt::format("wrong type: got {}, need {}", value_->kind_name(), need));
}

void JsonAt::unknown_type(std::string_view what) const {
  need("type").fail(fmt::format("unknown {} \"{}\"", what, base::escaped(type(), 60)));
}

const std::string& JsonAt::string() const {
  if (!value_->is_string()) wrong_kind("a string");
  return value_->as_string();
}

bool JsonAt::boolean() const {
  if (!value_->is_bool()) wrong_kind("true or false");
  return value_->as_bool();
}

int64_t JsonAt::integer() const {
  if (!value_->is_integer()) wrong_kind("an integer");
  return value_->as_int64();
}

double JsonAt::number() const {
  if (!value_->is_number()) wrong_kind("a number");
  return value_->as_double();
}

std::vector<JsonAt> JsonAt::items() const {
  if (!value_->is_array()) wrong_kind("an array");
  std::vector<JsonAt> items;
  const Json::Array& array = value_->as_array();
  items.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i)
    items.emplace_back(array[i], fmt::format("{}[{}]", path_, i));
  return items;
}

const Json::Object& JsonAt::object() const {
  if (!value_->is_object()) wrong_kind("an object");
  return value_->as_object();
}

bool JsonAt::boolean_or(std::string_view key, bool absent) const {
  const auto member = find(key);
  return member ? member->boolean() : absent;
}

std::string JsonAt::string_or(std::string_view key, std::string_view absent) const {
  const auto member = find(key);
  return member ? member->string() : std::string(absent);
}

}  // namespace nalar::tokenizer
