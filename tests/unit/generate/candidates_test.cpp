#include "generate/candidates.h"

#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "random_logits.h"
#include "support/catch.h"

namespace nalar::generate {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

using Ids = std::vector<TokenId>;

Ids ids_of(const std::vector<Candidate>& candidates) {
  Ids ids;
  for (const Candidate& c : candidates) ids.push_back(c.id);
  return ids;
}

Ids sorted(Ids ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

// The plain twins: sort everything, then do what the words say.
std::vector<Candidate> sorted_twin(const std::vector<Candidate>& candidates) {
  std::vector<Candidate> all = candidates;
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  });
  return all;
}

std::vector<double> probabilities(const std::vector<Candidate>& candidates) {
  std::vector<double> p;
  double sum = 0;
  for (const Candidate& c : candidates) sum += std::exp(static_cast<double>(c.logit));
  for (const Candidate& c : candidates) p.push_back(std::exp(static_cast<double>(c.logit)) / sum);
  return p;
}

// Whether two prefixes of one order agree, but for one item where the running sum comes within
// rounding of the limit p.
void check_prefix(const std::vector<Candidate>& got, const std::vector<Candidate>& order, double p,
                  const std::vector<double>& probability) {
  REQUIRE(!got.empty());
  REQUIRE(got.size() <= order.size());
  CHECK(ids_of(got) == ids_of({order.begin(), order.begin() + static_cast<ptrdiff_t>(got.size())}));
  double sum = 0;
  for (size_t i = 0; i + 1 < got.size(); ++i) sum += probability[i];
  CHECK(sum <= p + 1e-9);
  sum += probability[got.size() - 1];
  if (got.size() < order.size()) CHECK(sum >= p - 1e-9);
}

const std::vector<test::RandomLogits> kShapes = {
    {1, 3},           {2, 3},     {50, 0.1}, {1000, 3}, {1000, 3, true}, {1000, 3, true, true},
    {20000, 1, true}, {20000, 8},
};

TEST_CASE("top-k is the beginning of the sorted tokens") {
  for (const auto& shape : kShapes) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const std::vector<float> logits = shape.make(seed);
      const std::vector<Candidate> twin = sorted_twin(all_candidates(logits));
      for (const size_t k : {1, 2, 40, 128, 999, 1000, 5000, 30000}) {
        INFO("n " << shape.n << " k " << k << " seed " << seed);
        const std::vector<Candidate> got = top_k(logits, k);
        const size_t n = std::min(k, twin.size());
        REQUIRE(got.size() == n);
        CHECK(ids_of(got) == ids_of({twin.begin(), twin.begin() + static_cast<ptrdiff_t>(n)}));
      }
    }
  }
}

TEST_CASE("top-k takes the lowest ids of equal logits") {
  const std::vector<float> rising = {0, 1, 2, 3, 3, 3, 3};
  CHECK(ids_of(top_k(rising, 2)) == Ids{3, 4});
  CHECK(ids_of(top_k(std::vector<float>(1000, 0.5f), 3)) == Ids{0, 1, 2});
  // Rising logits displace all that was kept again and again.
  std::vector<float> ramp(10000);
  for (size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<float>(i / 3);
  CHECK(ids_of(top_k(ramp, 4)) == Ids{9999, 9996, 9997, 9998});
}

TEST_CASE("the best token is the lowest id on a tie") {
  CHECK(best_token(std::vector<float>{-1, 5, 5, 3}) == 1);
  CHECK(best_token(std::vector<float>{-kInf, -2, -kInf}) == 1);
  CHECK(best_token(std::vector<float>{-0.0f, 0.0f}) == 0);
  CHECK_THROWS_AS(best_token(std::vector<float>{-kInf, -kInf}), Error);
}

TEST_CASE("logits that are no numbers are our bug, with their count") {
  CHECK_NOTHROW(check_logits(std::vector<float>{-kInf, 0, 3e38f}));
  for (const float bad : {std::nanf(""), kInf}) {
    for (size_t at = 0; at < 33; ++at) {
      std::vector<float> logits(33, 1.0f);
      logits[at] = bad;
      try {
        check_logits(logits);
        FAIL("accepted");
      } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::internal);
        CHECK(std::string(e.what()).find("got 1 of 33") != std::string::npos);
      }
    }
  }
}

TEST_CASE("top-p keeps the most probable up to the one that crosses p") {
  for (const auto& shape : kShapes) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const std::vector<Candidate> all = all_candidates(shape.make(seed));
      const std::vector<Candidate> order = sorted_twin(all);
      const std::vector<double> p_of = probabilities(order);
      for (const float p : {0.0f, 0.1f, 0.5f, 0.95f, 0.999f}) {
        INFO("n " << shape.n << " p " << p << " seed " << seed);
        std::vector<Candidate> got = all;
        keep_top_p(got, p);
        check_prefix(got, order, p, p_of);
      }
    }
  }
  // 1/2, 1/4, 1/4: exactly p is enough.
  std::vector<Candidate> exact = {{7, 0.0f}, {8, std::log(2.0f)}, {9, 0.0f}};
  keep_top_p(exact, 0.25f);
  CHECK(ids_of(exact) == Ids{8});
}

TEST_CASE("min-p keeps what is at least p times as probable as the best") {
  for (const auto& shape : kShapes) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const std::vector<Candidate> all = all_candidates(shape.make(seed));
      const std::vector<double> p_of = probabilities(all);
      const double best = *std::max_element(p_of.begin(), p_of.end());
      for (const float p : {0.001f, 0.05f, 0.5f, 1.0f}) {
        std::vector<Candidate> got = all;
        keep_min_p(got, p);
        Ids must, may;
        for (size_t i = 0; i < all.size(); ++i) {
          // The limit is a float logit: rounded by up to 2^-24 of its size, which is under 32.
          if (p_of[i] >= best * p * (1 + 4e-6)) must.push_back(all[i].id);
          if (p_of[i] >= best * p * (1 - 4e-6)) may.push_back(all[i].id);
        }
        const Ids kept = sorted(ids_of(got));
        CHECK(std::includes(kept.begin(), kept.end(), must.begin(), must.end()));
        CHECK(std::includes(may.begin(), may.end(), kept.begin(), kept.end()));
      }
    }
  }
}

TEST_CASE("typical-p keeps those of the most usual surprise") {
  for (const auto& shape : kShapes) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const std::vector<Candidate> all = all_candidates(shape.make(seed));
      const std::vector<double> p_of = probabilities(all);
      double entropy = 0;
      for (const double p : p_of) entropy -= p * std::log(p);
      std::vector<size_t> index(all.size());
      for (size_t i = 0; i < index.size(); ++i) index[i] = i;
      const auto distance = [&](size_t i) { return std::abs(-std::log(p_of[i]) - entropy); };
      std::stable_sort(index.begin(), index.end(),
                       [&](size_t a, size_t b) { return distance(a) < distance(b); });
      for (const float p : {0.0f, 0.2f, 0.9f, 0.99f}) {
        INFO("n " << shape.n << " p " << p << " seed " << seed);
        std::vector<Candidate> got = all;
        keep_typical(got, p);
        REQUIRE(!got.empty());
        double sum = 0, last = 0, farthest = 0;
        for (const Candidate& c : got) {
          const auto at =
              static_cast<size_t>(std::find_if(all.begin(), all.end(),
                                               [&](const Candidate& x) { return x.id == c.id; }) -
                                  all.begin());
          sum += last = p_of[at];
          farthest = std::max(farthest, distance(at));
        }
        CHECK(sum - last <= p + 1e-9);
        if (got.size() < all.size()) {
          CHECK(sum >= p - 1e-9);
          CHECK(farthest <= distance(index[got.size() - 1]) + 1e-9);
        }
      }
    }
  }
}

TEST_CASE("a draw is the inverse of the cumulative distribution") {
  const std::vector<Candidate> candidates = {
      {5, 0.0f}, {3, std::log(2.0f)}, {9, 0.0f}};  // 1/4 1/2 1/4
  const auto at = [&](double u) { return draw(candidates, 1, u); };
  CHECK(at(0) == 5);
  CHECK(at(0.2499) == 5);
  CHECK(at(0.2501) == 3);
  CHECK(at(0.7499) == 3);
  CHECK(at(0.7501) == 9);
  CHECK(at(std::nextafter(1.0, 0.0)) == 9);
  // At a high temperature all are alike, at a low one the best is alone, whatever its size.
  CHECK(draw(candidates, 1e6f, 0.34) == 3);
  CHECK(draw(candidates, 1e6f, 0.32) == 5);
  CHECK(draw(candidates, 1e-30f, std::nextafter(1.0, 0.0)) == 3);
  CHECK(draw(candidates, 1e-30f, 0) == 3);
  CHECK(draw(std::vector<Candidate>{{1, 3e38f}, {2, -3e38f}}, 0.1f, 0.5) == 1);
  CHECK_THROWS_AS(draw({}, 1, 0.5), Error);
}

}  // namespace
}  // namespace nalar::generate
