#include "report/peak_memory.h"

#include <sys/resource.h>

namespace nalar::report {

int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace nalar::report
