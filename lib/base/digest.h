#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace nalar::base {

// SHA-256, fed in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  std::string hex();  // ends it

 private:
  void* context_;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace nalar::base
