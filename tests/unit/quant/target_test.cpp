#include "quant/target.h"

#include <limits>

#include "kernels_support.h"
#include "support/catch.h"

namespace nalar::quant {
namespace {

using Tensors = std::vector<std::vector<Candidate>>;

struct Sum {
  int64_t bytes = 0;
  double loss = 0;
};

Sum sum_of(const Tensors& tensors, const std::vector<size_t>& chosen) {
  Sum sum;
  for (size_t t = 0; t < tensors.size(); ++t) {
    sum.bytes += tensors[t][chosen[t]].bytes;
    sum.loss += tensors[t][chosen[t]].loss;
  }
  return sum;
}

// The slow twin: every combination.
double best_loss(const Tensors& tensors, int64_t budget) {
  std::vector<size_t> at(tensors.size(), 0);
  double best = std::numeric_limits<double>::infinity();
  for (;;) {
    const Sum sum = sum_of(tensors, at);
    if (sum.bytes <= budget) best = std::min(best, sum.loss);
    size_t t = 0;
    while (t < at.size() && ++at[t] == tensors[t].size()) at[t++] = 0;
    if (t == at.size()) return best;
  }
}

Tensors some_tensors(uint64_t seed) {
  test::Random random(seed);
  Tensors tensors(5);
  for (auto& candidates : tensors) {
    double loss = 1 + std::abs(random.normal());
    int64_t bytes = 100;
    for (int i = 0; i < 5; ++i) {
      candidates.push_back({DType::q8_0, bytes, loss});
      bytes += 10 + static_cast<int64_t>(20 * std::abs(random.normal()));
      loss *= 0.3 + 0.2 * std::abs(random.normal());
    }
  }
  return tensors;
}

}  // namespace

TEST_CASE("it never takes more than the budget, and is the best of all combinations") {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const Tensors tensors = some_tensors(seed);
    const int64_t least = least_bytes(tensors);
    for (int64_t budget = least; budget < least + 700; budget += 37) {
      const auto chosen = allocate(tensors, budget);
      REQUIRE(chosen);
      const Sum sum = sum_of(tensors, *chosen);
      INFO("seed " << seed << ", budget " << budget);
      CHECK(sum.bytes <= budget);
      // Sums in another order differ in their last bits.
      CHECK(sum.loss <= best_loss(tensors, budget) * (1 + 1e-12));
    }
  }
}

TEST_CASE(
    "many bytes are counted in units: little is lost by that, and none is left that is of use") {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Tensors tensors = some_tensors(seed);
    for (auto& candidates : tensors) {
      for (Candidate& candidate : candidates) candidate.bytes = candidate.bytes * 1'000'000 + 7;
    }
    const int64_t least = least_bytes(tensors);
    for (int64_t budget = least; budget < least + 700'000'000; budget += 37'000'001) {
      const auto chosen = allocate(tensors, budget);
      REQUIRE(chosen);
      const Sum sum = sum_of(tensors, *chosen);
      INFO("seed " << seed << ", budget " << budget);
      CHECK(sum.bytes <= budget);
      // Each tensor's bytes are rounded up by less than a unit.
      const int64_t unit = (budget - least) / (1 << 15) + 1;
      CHECK(sum.loss <= best_loss(tensors, budget - 5 * unit) * (1 + 1e-12));
      for (size_t t = 0; t < tensors.size(); ++t) {
        for (const Candidate& other : tensors[t]) {
          const Candidate& now = tensors[t][(*chosen)[t]];
          CHECK((other.loss >= now.loss || sum.bytes - now.bytes + other.bytes > budget));
        }
      }
    }
  }
}

TEST_CASE("a step that is dear goes before cheaper ones where it saves more than they do") {
  // The first tensor's step alone fits instead of the two others'.
  const Tensors tensors = {{{DType::q5_0, 0, 10}, {DType::q8_0, 100, 1}},
                           {{DType::q5_0, 0, 3}, {DType::q8_0, 20, 0}},
                           {{DType::q5_0, 0, 3}, {DType::q8_0, 20, 0}}};
  CHECK(allocate(tensors, 100) == std::vector<size_t>{1, 0, 0});
  CHECK(allocate(tensors, 120) == std::vector<size_t>{1, 1, 0});
}

TEST_CASE("small tensors beside a large one, some hundred of them, in any order of candidates") {
  test::Random random(7);
  Tensors tensors(300);
  for (size_t t = 0; t < tensors.size(); ++t) {
    const int64_t size = t == 0 ? 1'000'000'000 : 20'000 + static_cast<int64_t>(t) * 9'973;
    double loss = std::abs(random.normal());
    for (const int64_t bits : {8, 6, 5, 4}) {
      tensors[t].push_back({DType::q8_0, size * bits / 8, loss});
      loss *= 4;
    }
  }
  const int64_t least = least_bytes(tensors);
  CHECK(sum_of(tensors, *allocate(tensors, least)).bytes == least);
  double before = std::numeric_limits<double>::infinity();
  for (int64_t budget = least; budget < 2 * least + 100'000'000; budget += 100'000'003) {
    const auto chosen = allocate(tensors, budget);
    REQUIRE(chosen);
    const Sum sum = sum_of(tensors, *chosen);
    CHECK(sum.bytes <= budget);
    // More never loses more, but for what rounding to units costs.
    CHECK(sum.loss <= before * 1.01);
    before = sum.loss;
  }
  for (const auto& candidates : tensors) before -= candidates.front().loss;
  CHECK(std::abs(before) < 1e-9);  // all of them, in the end
}

TEST_CASE("a budget that is not enough for the smallest is none") {
  const Tensors tensors = some_tensors(3);
  CHECK_FALSE(allocate(tensors, least_bytes(tensors) - 1));
  CHECK(allocate(tensors, least_bytes(tensors)) == std::vector<size_t>(5, 0));
}

TEST_CASE("a candidate that takes more and loses more is never taken") {
  const Tensors tensors = {{{DType::q2_k, 10, 1}, {DType::q3_k, 20, 2}, {DType::q4_k, 30, 0.5}}};
  CHECK(allocate(tensors, 10) == std::vector<size_t>{0});
  CHECK(allocate(tensors, 29) == std::vector<size_t>{0});
  CHECK(allocate(tensors, 30) == std::vector<size_t>{2});
}

TEST_CASE("of two steps of one size the one that saves more is taken") {
  const Tensors tensors = {{{DType::q2_k, 10, 1}, {DType::q4_k, 20, 0.9}},
                           {{DType::q2_k, 10, 1}, {DType::q4_k, 20, 0.1}}};
  CHECK(allocate(tensors, 30) == std::vector<size_t>{0, 1});
  CHECK(allocate(tensors, 40) == std::vector<size_t>{1, 1});
}

}  // namespace nalar::quant
