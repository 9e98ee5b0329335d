#include "eval/weights_hash.h"

#include <nalar/eval.h>

#include <algorithm>
#include <limits>
#include <span>

#include "io/file_hash.h"

namespace nalar {
namespace eval {

WeightsHasher::WeightsHasher(std::vector<std::string> paths)
    : paths_(std::move(paths)), chunk_(size_t{256} << 10) {}

bool WeightsHasher::step(uint64_t& left) {
  if (!file_) {
    if (hashes_.size() == paths_.size()) return false;
    file_ = io::file_system().open(paths_[hashes_.size()]);
    hash_.emplace();
  }
  const size_t n = file_->read(std::span(chunk_).first(std::min<uint64_t>(left, chunk_.size())));
  hash_->update(std::span(chunk_).first(n));
  left -= n;
  if (n > 0) return true;
  hashes_.push_back(hash_->hex());
  file_.reset();
  return true;
}

void WeightsHasher::advance(uint64_t bytes) {
  while (bytes > 0 && step(bytes)) {
  }
}

std::string WeightsHasher::hex() {
  advance(std::numeric_limits<uint64_t>::max());
  if (hashes_.size() == 1) return hashes_.front();
  std::string list;
  for (const std::string& hash : hashes_) list += hash + "\n";
  return base::sha256_hex(list);
}

}  // namespace eval

std::string weights_hash(const ModelFiles& files) {
  return eval::WeightsHasher(files.weight_paths()).hex();
}

std::string weights_hash(const Adapter& adapter) {
  io::FileSystem& files = io::file_system();
  const bool folder = files.kind(adapter.path()) == io::PathKind::directory;
  return io::digest_of(files, adapter.path() + (folder ? "/adapter_model.safetensors" : "")).sha256;
}

}  // namespace nalar
