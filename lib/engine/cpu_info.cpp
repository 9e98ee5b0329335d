#include <nalar/engine.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/cgroup.h"
#include "base/memory.h"
#include "kernels/isa.h"

namespace nalar {
namespace {

// Physical cores of the processors that this process may run on.
int cores_in_affinity_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  std::set<std::pair<int64_t, int64_t>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    // A core without a name counts as one of its own.
    cores.emplace(base::number_in(topology + "physical_package_id", 0),
                  base::number_in(topology + "core_id", -1 - cpu));
  }
  return static_cast<int>(cores.size());
}

// Whole processors that a cgroup's limit allows; nullopt without one.
std::optional<int> quota_in(const base::Cgroup& group) {
  long quota = 0, period = 0;
  std::ifstream in(group.folder + "/cpu.max");  // version 2: "QUOTA PERIOD", or "max PERIOD"
  if (!(in >> quota >> period)) {
    quota = base::number_in(group.folder + "/cpu.cfs_quota_us", -1);
    period = base::number_in(group.folder + "/cpu.cfs_period_us", 0);
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<int>(std::max(1L, quota / period));
}

// The smallest limit of this process's cgroups and of those around them.
int cgroup_quota(int otherwise) {
  int least = otherwise;
  for (const base::Cgroup& group : base::cgroups("cpu")) {
    least = std::min(least, quota_in(group).value_or(least));
  }
  return least;
}

}  // namespace

int default_threads() {
  const int cores = cores_in_affinity_mask();
  return std::max(1, std::min(cores, cgroup_quota(cores)));
}

std::optional<int64_t> available_memory() { return base::available_memory(); }

std::string cpu_isa() { return std::string(kernels::name(kernels::chosen_isa())); }

}  // namespace nalar
