#pragma once

#include <nalar/json.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::eval {

// Reads the fields of one object of a task file. Errors: bad_data "field K: got X, need Y"; end()
// names fields that nobody asked for. Borrows the object.
class ObjectReader {
 public:
  // `prefix`: what stands before a field's name in messages ("metric_list[0].").
  explicit ObjectReader(const Json& object, std::string prefix = {});

  // nullptr when it is absent or null.
  const Json* find(std::string_view key);
  const Json& need(std::string_view key, std::string_view what);
  std::string text(std::string_view key, std::string fallback);
  std::optional<std::string> text_if_any(std::string_view key);
  int64_t integer(std::string_view key, int64_t fallback, int64_t low, int64_t high);
  bool boolean(std::string_view key, bool fallback);
  // A string or a list of strings.
  std::vector<std::string> texts(std::string_view key);
  const Json::Array* list(std::string_view key);
  // Fields that are known and change nothing here.
  void skip(std::initializer_list<std::string_view> keys);
  void end() const;

  std::string name_of(std::string_view key) const { return prefix_ + std::string(key); }
  [[noreturn]] void wrong(std::string_view key, std::string_view got, std::string_view need) const;

 private:
  const Json& object_;
  std::string prefix_;
  std::vector<std::string> seen_;
};

}  // namespace nalar::eval
