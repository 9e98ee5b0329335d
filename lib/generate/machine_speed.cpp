#include <nalar/bench.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"

namespace nalar {
namespace {

using Clock = std::chrono::steady_clock;

// More than the caches of most machines hold, read in pieces that take less than a slice of the
// scheduler, so that what else runs on the machine does not count.
constexpr int64_t kWords = int64_t{16} << 20;
constexpr int64_t kPiece = int64_t{1} << 18;
constexpr int kRounds = 2;

// The best rate of one thread over its part, in bytes a second.
double best_rate(const uint64_t* words, base::Range part, std::atomic<uint64_t>& total) {
  double best = 0;
  for (int64_t at = part.begin; at < part.end; at += kPiece) {
    const int64_t end = std::min(at + kPiece, part.end);
    const auto start = Clock::now();
    // The sum is used, or nothing would be read.
    total += std::accumulate(words + at, words + end, uint64_t{0});
    const std::chrono::duration<double> seconds = Clock::now() - start;
    if (end - at == kPiece) best = std::max(best, sizeof(uint64_t) * kPiece / seconds.count());
  }
  return best;
}

}  // namespace

double read_bandwidth(int threads) {
  const base::AlignedBuffer buffer(kWords * sizeof(uint64_t));
  auto* const words = buffer.as<uint64_t>();
  base::ThreadPool pool(threads);
  std::vector<double> rates(static_cast<size_t>(threads));
  std::atomic<uint64_t> total{0};
  pool.run([&](int t) {
    const base::Range part = base::share(kWords, t, threads, kPiece);
    // Pages that were never written are all one page of zeros.
    std::fill(words + part.begin, words + part.end, uint64_t{1});
    for (int round = 0; round < kRounds; ++round) {
      double& rate = rates[static_cast<size_t>(t)];
      rate = std::max(rate, best_rate(words, part, total));
    }
  });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

}  // namespace nalar
