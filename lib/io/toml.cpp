#include <nalar/error.h>
#include <nalar/toml.h>

#define TOML_ENABLE_FORMATTERS 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/utf8.h"

namespace nalar {
namespace {

[[noreturn]] void fail(const std::string& what, const toml::source_position& at) {
  throw Error(ErrorKind::config,
              fmt::format("{} (at line {}, column {})", what, at.line, at.column));
}

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json object{Json::Object{}};
    for (const auto& [key, value] : *table) object.set(std::string(key.str()), to_json(value));
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json::Array items;
    for (const toml::node& item : *array) items.push_back(to_json(item));
    return items;
  }
  if (const auto v = node.value_exact<bool>()) return *v;
  if (const auto v = node.value_exact<int64_t>()) return *v;
  if (const auto v = node.value_exact<double>()) return *v;
  if (const auto v = node.value_exact<std::string>()) return *v;
  fail("dates and times are not used here", node.source().begin);
}

}  // namespace

Json parse_toml(std::string_view text) {
  try {
    return to_json(toml::parse(text));
  } catch (const toml::parse_error& e) {
    fail(base::escaped(e.description()), e.source().begin);
  }
}

}  // namespace nalar
