#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::base {

// A number in a file of the system, or `otherwise`: also where it holds a word ("max").
int64_t number_in(const std::string& path, int64_t otherwise);

// The folder of a cgroup, of version 2 (`unified`) or 1.
struct Cgroup {
  std::string folder;
  bool unified = false;
};
// This process's cgroups that `controller` ("cpu", "memory") is of, and those around them.
std::vector<Cgroup> cgroups(std::string_view controller);

}  // namespace nalar::base
