#include "io/file_hash.h"

#include <vector>

#include "base/digest.h"

namespace nalar::io {

FileDigest digest_of(FileSystem& files, const std::string& path) {
  return digest_of(*files.open(path));
}

FileDigest digest_of(InputFile& file) {
  base::Sha256 hash;
  FileDigest digest;
  std::vector<std::byte> chunk(size_t{256} << 10);
  while (const size_t n = file.read(chunk)) {
    hash.update(std::span(chunk).first(n));
    digest.bytes += n;
  }
  digest.sha256 = hash.hex();
  return digest;
}

}  // namespace nalar::io
