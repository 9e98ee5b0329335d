#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "io/file_system.h"

namespace nalar::eval {

// weights_hash() in pieces, beside other work. Errors: no_input, io.
class WeightsHasher {
 public:
  explicit WeightsHasher(std::vector<std::string> paths);
  // Reads so many bytes on, fewer at the end.
  void advance(uint64_t bytes);
  // Reads what is left. Once.
  std::string hex();

 private:
  // A piece of at most `left` bytes, which become fewer; false at the end of all.
  bool step(uint64_t& left);

  std::vector<std::string> paths_;
  std::vector<std::string> hashes_;      // of the first of them
  std::unique_ptr<io::InputFile> file_;  // the next one, where it has been opened
  std::optional<base::Sha256> hash_;     // of file_
  std::vector<std::byte> chunk_;
};

}  // namespace nalar::eval
