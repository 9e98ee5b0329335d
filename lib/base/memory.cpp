#include "base/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

#include "base/cgroup.h"

namespace nalar::base {
namespace {

// Of a line "KEY   N kB", in bytes.
std::optional<int64_t> bytes_in(const char* path, std::string_view key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::strtoll(&line[key.size()], nullptr, 10) << 10;
  }
  return std::nullopt;
}

// What is left in one cgroup; nullopt without a limit. Pages of files can be dropped, so they don't
// count.
std::optional<int64_t> left_in(const Cgroup& group) {
  constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
  const auto number = [&](const char* unified, const char* otherwise, int64_t absent) {
    return number_in(group.folder + (group.unified ? unified : otherwise), absent);
  };
  const int64_t limit = number("/memory.max", "/memory.limit_in_bytes", kUnlimited);
  if (limit > kUnlimited / 2) return std::nullopt;
  int64_t used = number("/memory.current", "/memory.usage_in_bytes", 0);
  std::ifstream in(group.folder + "/memory.stat");
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

std::optional<int64_t> available_memory() {
  std::optional<int64_t> least = bytes_in("/proc/meminfo", "MemAvailable:");
  for (const Cgroup& group : cgroups("memory")) {
    const std::optional<int64_t> left = left_in(group);
    if (left) least = std::min(least.value_or(*left), *left);
  }
  return least;
}

}  // namespace nalar::base
