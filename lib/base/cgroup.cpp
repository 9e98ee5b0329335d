#include "base/cgroup.h"

#include <fstream>

namespace nalar::base {

int64_t number_in(const std::string& path, int64_t otherwise) {
  std::ifstream in(path);
  int64_t value = 0;
  return in >> value ? value : otherwise;
}

std::vector<Cgroup> cgroups(std::string_view controller) {
  std::vector<Cgroup> out;
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // "0::/path" or "4:cpu,cpuacct:/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find(controller) == std::string::npos) continue;
    const std::string root = "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + controllers);
    for (std::string path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
      out.push_back({root + path, controllers.empty()});
      if (path.find('/') == std::string::npos) break;
    }
  }
  return out;
}

}  // namespace nalar::base
