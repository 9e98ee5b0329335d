#include <nalar/eval.h>

#include <algorithm>
#include <span>

#include "base/digest.h"
#include "io/file_system.h"

namespace nalar {

std::string weights_hash(const ModelFiles& files) {
  std::vector<std::string> hashes;
  for (const std::string& path : files.weight_paths()) {
    const auto file = io::file_system().map(path);
    base::Sha256 sha;
    // In pieces, so that no more than one of them need be in memory.
    constexpr size_t kPiece = size_t{16} << 20;
    const std::span<const std::byte> bytes = file->bytes();
    for (size_t at = 0; at < bytes.size(); at += kPiece) {
      const auto piece = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
      sha.update(piece);
      file->release_pages(piece);
    }
    hashes.push_back(sha.hex());
  }
  if (hashes.size() == 1) return hashes.front();
  std::string list;
  for (const std::string& hash : hashes) list += hash + "\n";
  return base::sha256_hex(list);
}

}  // namespace nalar
