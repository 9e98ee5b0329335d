#include <nalar/engine.h>
#include <sched.h>

#include <thread>

#include "kernels/isa.h"
#include "support/catch.h"

namespace nalar {

TEST_CASE("the default number of threads keeps to the processors that may be used") {
  const int n = default_threads();
  CHECK(n >= 1);
  CHECK(n <= static_cast<int>(std::thread::hardware_concurrency()));

  cpu_set_t all, one;
  REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(default_threads() == 1);
  REQUIRE(sched_setaffinity(0, sizeof all, &all) == 0);
  CHECK(default_threads() == n);
}

TEST_CASE("the instruction set of the CPU engine is the chosen one") {
  CHECK(cpu_isa() == kernels::name(kernels::chosen_isa()));
}

}  // namespace nalar
