#pragma once

#include <nalar/error.h>
#include <nalar/json.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::tokenizer {

// A JSON value that knows its place, so that every complaint names it ("decoder.decoders[2].type").
class JsonAt {
 public:
  JsonAt(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const Json& value() const { return *value_; }
  const std::string& path() const { return path_; }

  // The member; nullopt when it is absent or null.
  std::optional<JsonAt> find(std::string_view key) const;
  JsonAt need(std::string_view key) const;
  // The kinds. Errors: bad_data "wrong type (key …)".
  const std::string& string() const;
  bool boolean() const;
  int64_t integer() const;
  double number() const;
  std::vector<JsonAt> items() const;
  const Json::Object& object() const;

  bool boolean_or(std::string_view key, bool absent) const;
  std::string string_or(std::string_view key, std::string_view absent) const;
  // "type" of a component.
  const std::string& type() const { return need("type").string(); }

  [[noreturn]] void fail(std::string_view what) const;
  // `what`: "normalizer", "decoder", …
  [[noreturn]] void unknown_type(std::string_view what) const;

 private:
  [[noreturn]] void wrong_kind(std::string_view need) const;
  std::string below(std::string_view key) const;

  const Json* value_;
  std::string path_;
};

// Runs `make`; an error about the data gets the place.
template <typename Make>
auto at_place(const JsonAt& json, const Make& make) {
  try {
    return make();
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::bad_data) throw;
    json.fail(e.what());
  }
}

}  // namespace nalar::tokenizer
