#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "model/config_value.h"

namespace nalar::model {

// Reads the keys "<architecture>.…" of a GGUF file and remembers which were asked for, as HfConfig
// does. Keys are given without the prefix. Errors are bad_data and name the whole key. Borrows
// both.
class GgufConfig {
 public:
  // Throws when general.architecture is missing or the file is no model.
  GgufConfig(const io::GgufMetadata& metadata, const io::TensorFile& tensors);

  std::string_view architecture() const { return architecture_; }

  bool has(std::string_view key);
  int64_t integer(std::string_view key, IntRange range);
  int64_t integer(std::string_view key, IntRange range, int64_t otherwise);
  double number(std::string_view key, NumberRange range);
  double number(std::string_view key, NumberRange range, double otherwise);
  std::string_view text(std::string_view key, std::string_view otherwise);
  // An array of booleans, or nullopt when it is absent or no array.
  std::optional<std::vector<bool>> booleans(std::string_view key);

  void only(std::string_view key, bool value);
  void ignore(std::string_view key) { read_.insert(path_of(key)); }
  // Throws for the first key of this architecture that was not read.
  void finish() const;

  std::string path_of(std::string_view key) const { return prefix_ + std::string(key); }

  const io::GgufMetadata& metadata() const { return metadata_; }
  // nullptr when the file has none of that name.
  const TensorView* tensor(std::string_view name) const { return tensors_.find(name); }
  int64_t n_tensors() const { return static_cast<int64_t>(tensors_.tensors().size()); }

 private:
  const io::GgufValue* find(std::string_view key);

  const io::GgufMetadata& metadata_;
  const io::TensorFile& tensors_;
  std::string_view architecture_;
  std::string prefix_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace nalar::model
