#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "io/gguf_reader.h"
#include "io/gguf_writer.h"

namespace nalar::convert {

// Keys as a reader of the file to come will see them.
class KeysInMemory {
 public:
  explicit KeysInMemory(const io::GgufKeys& keys);
  const io::GgufMetadata& metadata() const { return file_.metadata; }

 private:
  std::vector<std::byte> bytes_;
  io::GgufFile file_;
};

}  // namespace nalar::convert
