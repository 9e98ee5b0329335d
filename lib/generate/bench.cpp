#include <fmt/format.h>
#include <nalar/bench.h>
#include <nalar/error.h>

#include <algorithm>
#include <chrono>

#include "base/memory.h"
#include "base/rng.h"
#include "generate/cached_sequence.h"

namespace nalar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kSeed = 1;

void need(bool good, const char* option, int got, const std::string& range) {
  if (!good) throw Error(ErrorKind::usage, fmt::format("{}: got {}, need {}", option, got, range));
}

std::vector<TokenId> random_ids(int n, int vocab_size) {
  std::vector<TokenId> ids(static_cast<size_t>(n));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<TokenId>(base::philox(kSeed, i, 0)[0] % static_cast<uint32_t>(vocab_size));
  }
  return ids;
}

// Seconds of one call; the sequence is empty before and after.
template <typename F>
double timed(generate::CachedSequence& sequence, F&& call) {
  const auto start = Clock::now();
  call();
  const std::chrono::duration<double> seconds = Clock::now() - start;
  sequence.clear();
  return seconds.count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double rate(int tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0; }

}  // namespace

double BenchSeries::median_tokens_per_s() const { return rate(tokens, median(seconds)); }

double BenchSeries::min_tokens_per_s() const {
  return seconds.empty() ? 0 : rate(tokens, *std::max_element(seconds.begin(), seconds.end()));
}

double BenchSeries::max_tokens_per_s() const {
  return seconds.empty() ? 0 : rate(tokens, *std::min_element(seconds.begin(), seconds.end()));
}

BenchResult run_bench(Engine& engine, const BenchOptions& options) {
  const std::string range = fmt::format("0 to {} (the context)", engine.n_ctx());
  need(options.prompt_tokens >= 0 && options.prompt_tokens <= engine.n_ctx(), "-p",
       options.prompt_tokens, range);
  need(options.generate_tokens >= 0 && options.generate_tokens <= engine.n_ctx(), "-n",
       options.generate_tokens, range);
  need(options.repetitions >= 1, "-r", options.repetitions, "1 or more");

  BenchResult result;
  result.prompt.tokens = options.prompt_tokens;
  result.generate.tokens = options.generate_tokens;
  const std::vector<TokenId> ids = random_ids(
      std::max(options.prompt_tokens, options.generate_tokens), engine.config().vocab_size);
  const auto all = std::span(ids);
  generate::CachedSequence sequence(engine);
  const auto prompt = [&] { sequence.hold(all.first(static_cast<size_t>(options.prompt_tokens))); };
  const auto decode = [&] {
    for (size_t n = 1; n <= static_cast<size_t>(options.generate_tokens); ++n)
      sequence.hold(all.first(n));
  };
  for (int i = options.warm_up ? -1 : 0; i < options.repetitions; ++i) {
    if (options.prompt_tokens > 0) {
      const double seconds = timed(sequence, prompt);
      if (i >= 0) result.prompt.seconds.push_back(seconds);
    }
    if (options.generate_tokens > 0) {
      const double seconds = timed(sequence, decode);
      if (i >= 0) result.generate.seconds.push_back(seconds);
    }
  }
  result.peak_bytes = base::peak_memory();
  return result;
}

}  // namespace nalar
