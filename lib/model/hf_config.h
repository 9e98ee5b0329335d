#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/config_value.h"

namespace nalar::model {

// Reads the keys of a config.json (or of an object inside it) and remembers which were asked for:
// what is left at the end is something that the file declares and nobody understood. A null is an
// absent key. Errors are bad_data and name the key with its path. Borrows the JSON.
class HfConfig {
 public:
  // REQUIRES an object.
  explicit HfConfig(const Json& object, std::string path = {});

  // There and not null. Counts as read.
  bool has(std::string_view key);
  bool is_null(std::string_view key) const;
  int64_t integer(std::string_view key, IntRange range);
  int64_t integer(std::string_view key, IntRange range, int64_t otherwise);
  double number(std::string_view key, NumberRange range);
  double number(std::string_view key, NumberRange range, double otherwise);
  bool boolean(std::string_view key, bool otherwise);
  std::string_view text(std::string_view key, std::string_view otherwise);
  std::optional<std::vector<std::string_view>> texts(std::string_view key);
  std::optional<HfConfig> object(std::string_view key);

  // Where the value must be this one if it is there: a feature that we do not have.
  void only(std::string_view key, bool value);
  void ignore(std::string_view key) { read_.insert(std::string(key)); }
  bool was_read(std::string_view key) const { return read_.count(key) != 0; }
  // Throws for the first key that was not read.
  void finish() const;
  // The same, but leaves out the keys of a whole model's config that cannot change what it
  // computes.
  void finish_model() const;

  // "rope_scaling.factor"
  std::string path_of(std::string_view key) const { return path_ + std::string(key); }

 private:
  const Json* find(std::string_view key);
  [[noreturn]] void fail_unknown(std::string_view key) const;

  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace nalar::model
