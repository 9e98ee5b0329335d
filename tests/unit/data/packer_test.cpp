#include "data/packer.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/rng.h"
#include "support/catch.h"

namespace nalar::data {
namespace {

std::vector<int64_t> random_lengths(int64_t n, int64_t most, uint64_t seed) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < n; ++i) {
    const double u = base::uniform(seed, 1, static_cast<uint64_t>(i));
    lengths.push_back(1 + static_cast<int64_t>(u * static_cast<double>(most)));
  }
  return lengths;
}

std::vector<int64_t> rows_of(const std::vector<Update>& updates) {
  std::vector<int64_t> rows;
  for (const Update& update : updates) {
    for (const auto& batch : update.micro_batches)
      rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

TEST_CASE("an epoch's order is a permutation and a function of seed and epoch") {
  for (const int64_t n : {0, 1, 2, 3, 17, 1000}) {
    const auto order = epoch_order(n, 7, 3, true);
    CHECK(order == epoch_order(n, 7, 3, true));
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted == epoch_order(n, 7, 3, false));
  }
  CHECK(epoch_order(1000, 7, 3, true) != epoch_order(1000, 7, 4, true));
  CHECK(epoch_order(1000, 7, 3, true) != epoch_order(1000, 8, 3, true));
  CHECK(epoch_order(1000, 7, 3, true) != epoch_order(1000, 7, 3, false));
}

TEST_CASE("the order is the same on every machine") {
  CHECK(epoch_order(8, 0, 0, true) == std::vector<int64_t>{0, 2, 1, 6, 7, 3, 5, 4});
}

TEST_CASE("every order is equally likely") {
  std::map<std::vector<int64_t>, int> seen;
  constexpr int kDraws = 24'000;
  for (int seed = 0; seed < kDraws; ++seed) {
    ++seen[epoch_order(4, static_cast<uint64_t>(seed), 0, true)];
  }
  REQUIRE(seen.size() == 24);
  // χ² with 23 degrees of freedom exceeds 49.7 once in a thousand; the draws are fixed.
  double chi2 = 0;
  for (const auto& [order, count] : seen) {
    const double d = count - kDraws / 24.0;
    chi2 += d * d / (kDraws / 24.0);
  }
  CHECK(chi2 < 49.7);
}

TEST_CASE("each row is in one micro-batch, and limits are kept") {
  for (const uint64_t seed : {1, 2, 3}) {
    for (const int64_t batch_rows : {0, 1, 8}) {
      for (const bool packing : {true, false}) {
        const auto lengths = random_lengths(203, 120, seed);
        const auto order = epoch_order(203, seed, 0, true);
        const PackOptions options{100, batch_rows, 3, packing};
        const auto updates = plan_epoch(order, lengths, options);
        auto rows = rows_of(updates);
        std::sort(rows.begin(), rows.end());
        CHECK(rows == epoch_order(203, 0, 0, false));
        for (const Update& update : updates) {
          REQUIRE(!update.micro_batches.empty());
          size_t n = 0;
          for (const auto& batch : update.micro_batches) {
            n += batch.size();
            int64_t tokens = 0;
            for (const int64_t row : batch) tokens += lengths[static_cast<size_t>(row)];
            CHECK((tokens <= options.batch_tokens || batch.size() == 1));
            CHECK((packing || batch.size() == 1));
          }
          const bool last = &update == &updates.back();
          if (batch_rows > 0) CHECK((last || n == static_cast<size_t>(batch_rows)));
          if (batch_rows == 0) CHECK((last || update.micro_batches.size() == 3));
        }
      }
    }
  }
}

TEST_CASE("rows fill micro-batches in order, or an update's rows first fit decreasing") {
  const std::vector<int64_t> lengths = {4, 6, 3, 7, 9, 20, 1};
  const std::vector<int64_t> order = {0, 1, 2, 3, 4, 5, 6};
  const auto filled =
      plan_epoch(order, lengths, {.batch_tokens = 10, .batch_rows = 0, .accumulate = 2});
  REQUIRE(filled.size() == 3);
  using Batches = std::vector<std::vector<int64_t>>;
  CHECK(filled[0].micro_batches == Batches{{0, 1}, {2, 3}});
  CHECK(filled[1].micro_batches == Batches{{4}, {5}});
  CHECK(filled[2].micro_batches == Batches{{6}});

  const auto packed = plan_epoch(order, lengths, {.batch_tokens = 10, .batch_rows = 7});
  REQUIRE(packed.size() == 1);
  CHECK(packed[0].micro_batches == Batches{{5}, {4, 6}, {3, 2}, {1, 0}});
}

TEST_CASE("what an update works on does not depend on the limits of tokens") {
  const auto lengths = random_lengths(64, 50, 9);
  const auto order = epoch_order(64, 1, 0, true);
  const auto small = plan_epoch(order, lengths, {.batch_tokens = 50, .batch_rows = 16});
  const auto large = plan_epoch(order, lengths, {.batch_tokens = 5000, .batch_rows = 16});
  REQUIRE(small.size() == large.size());
  for (size_t u = 0; u < small.size(); ++u) {
    auto a = rows_of({small[u]}), b = rows_of({large[u]});
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    CHECK(a == b);
    CHECK(large[u].micro_batches.size() == 1);
  }
}

}  // namespace
}  // namespace nalar::data
