#pragma once

#include <cstdint>
#include <span>

#include "io/file_system.h"

namespace nalar::io {

// Writes over a part of a file that was written before, from `offset` on.
class PlacedFile final : public OutputFile {
 public:
  PlacedFile(OutputFile& file, uint64_t offset) : file_(file), at_(offset) {}

  void write(std::span<const std::byte> bytes) override {
    file_.overwrite(at_, bytes);
    at_ += bytes.size();
  }
  void overwrite(uint64_t offset, std::span<const std::byte> bytes) override {
    file_.overwrite(offset, bytes);
  }
  const std::string& path() const override { return file_.path(); }
  void sync() override { file_.sync(); }
  void close() override { file_.close(); }

 private:
  OutputFile& file_;
  uint64_t at_;
};

}  // namespace nalar::io
