#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "io/file_system.h"

namespace nalar::io {

// Hands everything over to another file: for one that does something of its own with what is
// written. Borrows it.
class FileOnTop : public OutputFile {
 public:
  explicit FileOnTop(OutputFile& file) : file_(file) {}

  void write(std::span<const std::byte> bytes) override { file_.write(bytes); }
  void overwrite(uint64_t offset, std::span<const std::byte> bytes) override {
    file_.overwrite(offset, bytes);
  }
  const std::string& path() const override { return file_.path(); }
  void sync() override { file_.sync(); }
  void close() override { file_.close(); }

 protected:
  OutputFile& file_;
};

}  // namespace nalar::io
