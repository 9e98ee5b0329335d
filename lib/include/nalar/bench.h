#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nalar/engine.h>
#include <nalar/export.h>

namespace nalar {

struct BenchOptions {
  int prompt_tokens = 512;    // 0 = leave out
  int generate_tokens = 128;  // 0 = leave out
  int repetitions = 5;
  bool warm_up = true;        // one run that is not counted
};

// Seconds of each repetition, and tokens a second by them.
struct NALAR_API BenchSeries {
  std::vector<double> seconds;
  int tokens = 0;
  double median_tokens_per_s() const;
  double min_tokens_per_s() const;
  double max_tokens_per_s() const;
};

struct BenchResult {
  BenchSeries prompt;
  BenchSeries generate;
  int64_t peak_bytes = 0;  // of the process
};

// Ids are drawn from a fixed seed. Both series start on an empty sequence.
NALAR_API BenchResult run_bench(Engine& engine, const BenchOptions& options);

// Bytes a second that these threads together read from memory, measured in a moment. What generates a
// token reads all weights, so it bounds the speed.
NALAR_API double read_bandwidth(int threads);

}  // namespace nalar
