#include <nalar/bench.h>
#include <nalar/error.h>

#include "support/catch.h"
#include "support/fake_engine.h"

namespace nalar {
namespace {

TEST_CASE("a series tells median, slowest and fastest") {
  BenchSeries series{{2.0, 1.0, 4.0}, 8};
  CHECK(series.median_tokens_per_s() == 4);
  CHECK(series.min_tokens_per_s() == 2);
  CHECK(series.max_tokens_per_s() == 8);
  series.seconds.push_back(2.5);
  CHECK(series.median_tokens_per_s() == Approx(8 / 2.25));
  CHECK(BenchSeries{}.median_tokens_per_s() == 0);
}

TEST_CASE("every repetition computes what it says, on an empty sequence") {
  test::FakeEngine engine(100, 64, test::hashed_logits);
  BenchOptions options;
  options.prompt_tokens = 64;
  options.generate_tokens = 10;
  options.repetitions = 3;
  const BenchResult result = run_bench(engine, options);
  CHECK(result.prompt.seconds.size() == 3);
  CHECK(result.generate.seconds.size() == 3);
  CHECK(result.prompt.tokens == 64);
  CHECK(result.generate.tokens == 10);
  CHECK(result.peak_bytes > 100 * 1024);
  CHECK(engine.forwarded() == 4 * (64 + 10));  // with the warm-up
  CHECK(engine.n_sequences() == 0);

  options.warm_up = false;
  options.prompt_tokens = 0;
  const BenchResult decode_only = run_bench(engine, options);
  CHECK(decode_only.prompt.seconds.empty());
  CHECK(engine.forwarded() == 4 * 74 + 3 * 10);
}

TEST_CASE("bench options out of their range are named") {
  test::FakeEngine engine(100, 64, test::hashed_logits);
  const auto message = [&](const BenchOptions& options) -> std::string {
    try {
      run_bench(engine, options);
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::usage);
      return e.what();
    }
    return "accepted";
  };
  CHECK(message({65, 1, 1, false}) == "-p: got 65, need 0 to 64 (the context)");
  CHECK(message({1, -1, 1, false}) == "-n: got -1, need 0 to 64 (the context)");
  CHECK(message({1, 1, 0, false}) == "-r: got 0, need 1 or more");
}

}  // namespace
}  // namespace nalar
