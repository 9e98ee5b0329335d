#include "convert/keys_in_memory.h"

#include <algorithm>
#include <string>

namespace nalar::convert {
namespace {

class MemoryFile : public io::OutputFile {
 public:
  explicit MemoryFile(std::vector<std::byte>& bytes) : bytes_(bytes) {}
  void write(std::span<const std::byte> bytes) override {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void overwrite(uint64_t offset, std::span<const std::byte> bytes) override {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  const std::string& path() const override { return path_; }
  void sync() override {}
  void close() override {}

 private:
  std::vector<std::byte>& bytes_;
  std::string path_ = "memory";
};

}  // namespace

KeysInMemory::KeysInMemory(const io::GgufKeys& keys) {
  MemoryFile memory(bytes_);
  io::write_gguf(memory, keys, {});
  file_ = io::parse_gguf(bytes_);
}

}  // namespace nalar::convert
