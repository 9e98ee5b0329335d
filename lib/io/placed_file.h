#pragma once

#include "io/file_on_top.h"

namespace nalar::io {

// Writes over a part of a file that was written before, from `offset` on.
class PlacedFile final : public FileOnTop {
 public:
  PlacedFile(OutputFile& file, uint64_t offset) : FileOnTop(file), at_(offset) {}

  void write(std::span<const std::byte> bytes) override {
    file_.overwrite(at_, bytes);
    at_ += bytes.size();
  }

 private:
  uint64_t at_;
};

}  // namespace nalar::io
