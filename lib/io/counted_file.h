#pragma once

#include "io/file_on_top.h"

namespace nalar::io {

// Counts what is handed over to a file.
class CountedFile final : public FileOnTop {
 public:
  using FileOnTop::FileOnTop;
  int64_t bytes() const { return bytes_; }

  void write(std::span<const std::byte> bytes) override {
    file_.write(bytes);
    bytes_ += static_cast<int64_t>(bytes.size());
  }

 private:
  int64_t bytes_ = 0;
};

}  // namespace nalar::io
