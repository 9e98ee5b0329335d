#include <nalar/eval.h>

#include "base/digest.h"
#include "io/file_hash.h"

namespace nalar {

std::string weights_hash(const ModelFiles& files) {
  std::string list, last;
  const std::vector<std::string> paths = files.weight_paths();
  for (const std::string& path : paths) {
    last = io::digest_of(io::file_system(), path).sha256;
    list += last + "\n";
  }
  return paths.size() == 1 ? last : base::sha256_hex(list);
}

std::string weights_hash(const Adapter& adapter) {
  io::FileSystem& files = io::file_system();
  const bool folder = files.kind(adapter.path()) == io::PathKind::directory;
  return io::digest_of(files, adapter.path() + (folder ? "/adapter_model.safetensors" : "")).sha256;
}

}  // namespace nalar
