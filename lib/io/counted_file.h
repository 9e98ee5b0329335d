#pragma once

#include <cstdint>
#include <span>

#include "io/file_system.h"

namespace nalar::io {

// Counts what is handed over to a file.
class CountedFile final : public OutputFile {
 public:
  explicit CountedFile(OutputFile& file) : file_(file) {}
  int64_t bytes() const { return bytes_; }

  void write(std::span<const std::byte> bytes) override {
    file_.write(bytes);
    bytes_ += static_cast<int64_t>(bytes.size());
  }
  void overwrite(uint64_t offset, std::span<const std::byte> bytes) override {
    file_.overwrite(offset, bytes);
  }
  const std::string& path() const override { return file_.path(); }
  void sync() override { file_.sync(); }
  void close() override { file_.close(); }

 private:
  OutputFile& file_;
  int64_t bytes_ = 0;
};

}  // namespace nalar::io
