#include <nalar/engine.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "kernels/isa.h"

namespace nalar {
namespace {

// A number in a file of the system, or `otherwise`.
long number_in(const std::string& path, long otherwise) {
  std::ifstream in(path);
  long value = 0;
  return in >> value ? value : otherwise;
}

// Physical cores of the processors that this process may run on.
int cores_in_affinity_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  std::set<std::pair<long, long>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    // A core without a name counts as one of its own.
    cores.emplace(number_in(topology + "physical_package_id", 0),
                  number_in(topology + "core_id", -1 - cpu));
  }
  return static_cast<int>(cores.size());
}

// Whole processors that a cgroup's limit allows, or `otherwise` where there is none.
int quota_in(const std::string& folder, int otherwise) {
  std::ifstream in(folder + "/cpu.max");  // version 2: "QUOTA PERIOD", or "max PERIOD"
  long quota = 0, period = 0;
  if (!(in >> quota >> period)) {
    quota = number_in(folder + "/cpu.cfs_quota_us", -1);
    period = number_in(folder + "/cpu.cfs_period_us", 0);
  }
  if (quota <= 0 || period <= 0) return otherwise;
  return static_cast<int>(std::max(1L, quota / period));
}

// The smallest limit of this process's cgroups and of those around them.
int cgroup_quota(int otherwise) {
  int least = otherwise;
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // "0::/path" or "4:cpu,cpuacct:/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + controllers);
    std::string path = line.substr(second + 1);
    while (true) {
      least = std::min(least, quota_in(root + path, least));
      const size_t slash = path.rfind('/');
      if (slash == std::string::npos || path.empty()) break;
      path.resize(slash);
    }
  }
  return least;
}

}  // namespace

int default_threads() {
  const int cores = cores_in_affinity_mask();
  return std::max(1, std::min(cores, cgroup_quota(cores)));
}

std::string cpu_isa() { return std::string(kernels::name(kernels::chosen_isa())); }

}  // namespace nalar
