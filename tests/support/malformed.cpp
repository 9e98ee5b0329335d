#include "support/malformed.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "support/safetensors_builder.h"

namespace nalar::test {
namespace fs = std::filesystem;

std::string make_files(const Malformed& bad, const std::string& folder) {
  fs::create_directories(folder);
  for (const Malformed::Item& item : bad.items) {
    const std::string path = folder + "/" + item.path;
    int failed = 0;
    switch (item.kind) {
      case Malformed::Kind::file:
        write_text(path, item.content);
        break;
      case Malformed::Kind::folder:
        fs::create_directories(path);
        break;
      case Malformed::Kind::pipe:
        failed = mkfifo(path.c_str(), 0600);
        break;
      case Malformed::Kind::link:
        failed = symlink(item.content.c_str(), path.c_str());
        break;
      case Malformed::Kind::sparse:
        write_text(path, "");
        fs::resize_file(path, item.size);
        break;
    }
    if (failed != 0) throw std::runtime_error("cannot make " + path);
  }
  if (bad.target.empty()) return folder;
  return bad.target.front() == '/' ? bad.target : folder + "/" + bad.target;
}

void sweep(const std::string& valid, size_t header,
           const std::function<void(const std::string&)>& sink) {
  header = std::min(header, valid.size());
  for (size_t n = 0; n < header; ++n) sink(valid.substr(0, n));
  std::string changed = valid;
  for (size_t i = 0; i < std::min(valid.size(), size_t{4096}) * 8; ++i) {
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    sink(changed);
    changed[i / 8] = valid[i / 8];
  }
  const auto replace = [&](size_t at, const void* value, size_t size) {
    if (at + size > header) return;
    std::memcpy(changed.data() + at, value, size);
    sink(changed);
    std::memcpy(changed.data() + at, valid.data() + at, size);
  };
  constexpr uint64_t k31 = uint64_t{1} << 31, k63 = uint64_t{1} << 63;
  for (size_t at = 0; at < header; at += 4) {
    for (const uint64_t value : {uint64_t{0}, uint64_t{1}, k31 - 1, k31, k31 + 1,
                                 uint64_t{0xFFFFFFFF}, k63 - 1, k63, k63 + 1, ~uint64_t{0}}) {
      replace(at, &value, 8);
      if (value <= 0xFFFFFFFF) replace(at, &value, 4);
    }
  }
}

}  // namespace nalar::test
