#include "base/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace nalar::base {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// Of a line "KEY   N kB", in bytes.
std::optional<int64_t> bytes_in(const char* path, std::string_view key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::strtoll(&line[key.size()], nullptr, 10) << 10;
  }
  return std::nullopt;
}

// A number in a file of a cgroup; "max", or no file, is no limit.
int64_t number_in(const std::string& path, int64_t otherwise) {
  std::ifstream in(path);
  int64_t value = 0;
  return in >> value ? value : otherwise;
}

// What is left in one cgroup, of version 2 or 1. Pages of files can be dropped, so they don't
// count.
int64_t left_in(const std::string& folder, bool v2) {
  const int64_t limit =
      number_in(folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes"), kUnlimited);
  if (limit > kUnlimited / 2) return kUnlimited;
  int64_t used = number_in(folder + (v2 ? "/memory.current" : "/memory.usage_in_bytes"), 0);
  std::ifstream in(folder + "/memory.stat");
  std::string key;
  for (int64_t value = 0; in >> key >> value;) {
    if (key == "inactive_file" || key == "active_file") used -= value;
  }
  return limit - std::clamp<int64_t>(used, 0, limit);
}

}  // namespace

int64_t peak_memory() {
  // ru_maxrss counts what the process held before its exec: its parent's memory.
  if (const auto bytes = bytes_in("/proc/self/status", "VmHWM:")) return *bytes;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

int64_t available_memory() {
  int64_t least = bytes_in("/proc/meminfo", "MemAvailable:").value_or(kUnlimited);
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // "0::/path" or "4:memory:/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("memory") == std::string::npos) continue;
    const std::string root = "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + controllers);
    for (std::string path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
      least = std::min(least, left_in(root + path, controllers.empty()));
      if (path.find('/') == std::string::npos) break;
    }
  }
  return least;
}

}  // namespace nalar::base
