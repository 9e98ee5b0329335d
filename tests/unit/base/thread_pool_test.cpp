#include "base/thread_pool.h"

#include <chrono>

#include "support/catch.h"

namespace nalar::base {

TEST_CASE("every thread runs once and barriers separate the stages") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 200; ++round) {
      std::vector<int> first(static_cast<size_t>(threads)), second(static_cast<size_t>(threads));
      pool.run([&](int t) {
        first[static_cast<size_t>(t)] = t + 1;
        pool.barrier();
        for (const int v : first) second[static_cast<size_t>(t)] += v;
      });
      for (const int v : second) REQUIRE(v == threads * (threads + 1) / 2);
    }
  }
}

TEST_CASE("threads that slept wake up") {
  ThreadPool pool(2);
  std::atomic<int> calls{0};
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.run([&](int) { ++calls; });
  }
  CHECK(calls == 6);
}

TEST_CASE("shares cover all items once and start at multiples of the unit") {
  for (const int64_t n : {0, 1, 15, 16, 17, 1000}) {
    for (const int threads : {1, 2, 3, 7}) {
      int64_t at = 0;
      for (int t = 0; t < threads; ++t) {
        const Range r = share(n, t, threads, 16);
        REQUIRE(r.begin == at);
        REQUIRE((r.begin % 16 == 0 || r.begin == n));
        at = r.end;
      }
      CHECK(at == n);
    }
  }
}

}  // namespace nalar::base
