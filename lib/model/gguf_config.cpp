#include "model/gguf_config.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"

namespace nalar::model {
namespace {

std::string text_of(const io::GgufValue& value) {
  if (const auto integer = value.integer()) return std::to_string(*integer);
  if (const auto number = value.number()) return fmt::format("{}", *number);
  if (const auto boolean = value.boolean()) return *boolean ? "true" : "false";
  if (const auto text = value.string()) return fmt::format("\"{}\"", *text);
  if (value.type == io::GgufType::array) return fmt::format("an array of {}", value.count);
  return "a value that does not fit";
}

}  // namespace

GgufConfig::GgufConfig(const io::GgufMetadata& metadata, const io::TensorFile& tensors)
    : metadata_(metadata), tensors_(tensors) {
  const auto type = metadata.string("general.type").value_or("model");
  if (type != "model") fail_unsupported("general.type", type);
  architecture_ = metadata.need_string("general.architecture");
  prefix_ = std::string(architecture_) + ".";
}

const io::GgufValue* GgufConfig::find(std::string_view key) {
  const auto [path, added] = read_.insert(path_of(key));
  return metadata_.find(*path);
}

bool GgufConfig::has(std::string_view key) { return find(key) != nullptr; }

int64_t GgufConfig::integer(std::string_view key, IntRange range) {
  const io::GgufValue* value = find(key);
  if (!value) fail_missing(path_of(key), need_text(range));
  return check(path_of(key), value->integer(), range, text_of(*value));
}

int64_t GgufConfig::integer(std::string_view key, IntRange range, int64_t otherwise) {
  return has(key) ? integer(key, range) : otherwise;
}

double GgufConfig::number(std::string_view key, NumberRange range) {
  const io::GgufValue* value = find(key);
  if (!value) fail_missing(path_of(key), need_text(range));
  return check(path_of(key), value->number(), range, text_of(*value));
}

double GgufConfig::number(std::string_view key, NumberRange range, double otherwise) {
  return has(key) ? number(key, range) : otherwise;
}

std::string_view GgufConfig::text(std::string_view key, std::string_view otherwise) {
  const io::GgufValue* value = find(key);
  if (!value) return otherwise;
  const auto text = value->string();
  if (!text) fail_value(path_of(key), text_of(*value), "a text");
  return *text;
}

std::optional<std::vector<bool>> GgufConfig::booleans(std::string_view key) {
  const io::GgufValue* value = find(key);
  if (!value || !value->is_array_of(io::GgufType::boolean)) return std::nullopt;
  std::vector<bool> items;
  for (const std::byte b : value->bytes) items.push_back(b != std::byte{0});
  return items;
}

void GgufConfig::only(std::string_view key, bool value) {
  const io::GgufValue* found = find(key);
  if (!found) return;
  if (found->boolean() != value) fail_unsupported(path_of(key), text_of(*found));
}

void GgufConfig::finish() const {
  for (const auto& [key, value] : metadata_.entries()) {
    if (key.substr(0, prefix_.size()) != prefix_ || read_.count(key)) continue;
    throw Error(ErrorKind::bad_data,
                fmt::format("key {} is not known: it may change what the model computes",
                            base::escaped(key)));
  }
}

}  // namespace nalar::model
