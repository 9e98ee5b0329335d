#include "eval/scorer.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/cpu_engine.h"
#include "eval/shared_heads.h"
#include "support/catch.h"
#include "support/fake_engine.h"
#include "support/material.h"

namespace nalar::eval {
namespace {

using Groups = std::vector<std::vector<Request>>;

Request request(std::vector<TokenId> tokens, size_t n_scored) {
  return {std::move(tokens), n_scored, false};
}

// Requests whose items share a head, a stem, all of it, or nothing.
Groups random_groups(int vocab_size, bool head) {
  std::mt19937 random(5);
  const auto draw = [&](size_t n) {
    std::vector<TokenId> ids(n);
    for (TokenId& id : ids) id = static_cast<TokenId>(random() % static_cast<uint32_t>(vocab_size));
    return ids;
  };
  const auto join = [](std::vector<TokenId> a, const std::vector<TokenId>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  Groups groups;
  const auto shared = head ? draw(9) : draw(0);
  for (int item = 0; item < 7; ++item) {
    const auto stem = join(shared, draw(1 + random() % 6));
    auto& group = groups.emplace_back();
    for (int choice = 0; choice < 1 + item % 4; ++choice) {
      const size_t n = 1 + random() % 4;
      group.push_back(request(join(stem, draw(n)), n));
    }
  }
  // One token each after the same context: all inputs are equal.
  auto& letters = groups.emplace_back();
  const auto context = join(shared, draw(5));
  for (TokenId id = 3; id < 7; ++id) letters.push_back(request(join(context, {id}), 1));
  // Two contexts and one continuation.
  auto& contexts = groups.emplace_back();
  const auto begin = join(shared, draw(4)), end = draw(3);
  for (TokenId id = 3; id < 5; ++id) {
    contexts.push_back(request(join(join(begin, {id}), end), 3));
  }
  return groups;
}

std::vector<Score> scores_of(const Subject& subject, const Groups& groups, int batch_tokens,
                             int64_t* tokens = nullptr) {
  Scorer scorer(subject, batch_tokens);
  std::vector<Score> out;
  size_t next = 0;
  scorer.run(groups, [&](size_t i, std::span<const Score> scores) {
    CHECK(i == next++);
    out.insert(out.end(), scores.begin(), scores.end());
  });
  CHECK(next == groups.size());
  if (tokens != nullptr) *tokens = scorer.tokens();
  return out;
}

// Each request alone, from an empty sequence, in double precision.
std::vector<Score> plain_scores(Engine& engine, const Groups& groups) {
  std::vector<Score> out;
  const auto vocab_size = static_cast<size_t>(engine.config().vocab_size);
  std::vector<float> logits(vocab_size);
  for (const auto& group : groups) {
    for (const Request& r : group) {
      Score& score = out.emplace_back();
      const SequenceId sequence = engine.create();
      for (size_t i = 0; i + 1 < r.tokens.size(); ++i) {
        const int32_t row = 0;
        const Slice slice{sequence, std::span(r.tokens).subspan(i, 1), {&row, 1}};
        engine.forward({&slice, 1}, {logits.data(), 1, static_cast<int64_t>(vocab_size),
                                     static_cast<int64_t>(vocab_size)});
        if (i < r.first_scored()) continue;
        const double top = *std::max_element(logits.begin(), logits.end());
        double sum = 0;
        for (const float x : logits) sum += std::exp(x - top);
        const float own = logits[static_cast<size_t>(r.tokens[i + 1])];
        score.log_likelihood += own - top - std::log(sum);
        score.greedy = score.greedy && own == static_cast<float>(top);
      }
      engine.release(sequence);
    }
  }
  return out;
}

void check_close(const std::vector<Score>& got, const std::vector<Score>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    // Four tokens at most, each within 18 units of fp32 (row_score_test).
    CHECK(std::abs(got[i].log_likelihood - want[i].log_likelihood) <= 4 * 18 * 6e-8);
    CHECK(got[i].greedy == want[i].greedy);
  }
}

void check_equal(const std::vector<Score>& got, const std::vector<Score>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].log_likelihood == want[i].log_likelihood);
    CHECK(got[i].greedy == want[i].greedy);
  }
}

TEST_CASE("the tree scores what each request alone would get") {
  for (const bool head : {false, true}) {
    nalar::test::FakeEngine engine(50, 64, nalar::test::hashed_logits);
    const Subject subject{&engine, nullptr, {}};
    const Groups groups = random_groups(50, head);
    const auto want = plain_scores(engine, groups);
    for (const int batch : {1, 8, 1000}) check_close(scores_of(subject, groups, batch), want);
    CHECK(engine.n_sequences() == 0);
  }
}

TEST_CASE("greedy: every token of the continuation is the first choice") {
  nalar::test::FakeEngine engine(50, 64, nalar::test::scripted({7, 8, 9}, 2));
  const Subject subject{&engine, nullptr, {}};
  const Groups groups = {{request({1, 2, 7, 8}, 2), request({1, 2, 7, 9}, 2)}};
  const auto scores = scores_of(subject, groups, 100);
  CHECK(scores[0].greedy);
  CHECK_FALSE(scores[1].greedy);
}

TEST_CASE("shared tokens are computed once") {
  nalar::test::FakeEngine engine(50, 64, nalar::test::hashed_logits);
  const Subject subject{&engine, nullptr, {}};
  // Head 1 2 3; stems 4 and 5; branches 6 7 and 8 9 (the last token is never read).
  const Groups groups = {{request({1, 2, 3, 4, 6, 7}, 2), request({1, 2, 3, 4, 8, 9}, 2)},
                         {request({1, 2, 3, 5, 6, 7}, 2), request({1, 2, 3, 5, 8, 9}, 2)}};
  int64_t tokens = 0;
  scores_of(subject, groups, 100, &tokens);
  // Two items that share three tokens are not worth a head of their own.
  CHECK(tokens == 2 * 4 + 4);
  CHECK(engine.forwarded() == tokens);
}

TEST_CASE("neighbours that share a head are a run") {
  using Ids = std::vector<TokenId>;
  const auto after = [](const Ids& head, TokenId last) {
    Ids ids = head;
    ids.insert(ids.end(), {last, 1, last});
    return std::vector{request(ids, 1)};
  };
  const Ids a(20, 5), b(30, 6);
  // One of another kind; then two heads, each for four items.
  Groups groups = {after({9, 9}, 0)};
  for (TokenId id = 0; id < 4; ++id) groups.push_back(after(a, id));
  for (TokenId id = 0; id < 4; ++id) groups.push_back(after(b, id));
  const auto runs = shared_heads(groups);
  REQUIRE(runs.size() == 3);
  CHECK((runs[0].begin == 0 && runs[0].end == 1 && runs[0].head == 0));
  CHECK((runs[1].begin == 1 && runs[1].end == 5 && runs[1].head == 20));
  CHECK((runs[2].begin == 5 && runs[2].end == 9 && runs[2].head == 30));

  nalar::test::FakeEngine engine(50, 64, nalar::test::hashed_logits);
  const Subject subject{&engine, nullptr, {}};
  for (const int batch : {1, 7, 100}) {
    int64_t tokens = 0;
    check_close(scores_of(subject, groups, batch, &tokens), plain_scores(engine, groups));
    CHECK(tokens == 4 + (20 + 4 * 2) + (30 + 4 * 2));
    CHECK(engine.n_sequences() == 0);
  }
}

TEST_CASE("a head stops before what is scored") {
  const std::vector<TokenId> all(40, 3);
  const Groups groups = {{request(all, 30)}, {request(all, 2)}};
  const auto runs = shared_heads(groups);
  // Nine tokens are not worth it; the first of the 30 is predicted from the tenth.
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].head == 0);
  CHECK(shared_heads(Groups{{request(all, 2)}, {request(all, 10)}}).front().head == 29);
  CHECK(shared_heads(Groups{}).empty());
}

TEST_CASE("on the engine, equal bits for every batch size, order and number of threads") {
  const auto model = open_model(nalar::test::golden("stories260k/stories260K-f32.gguf"));
  for (const Compute compute : {Compute::automatic, Compute::fp32}) {
    std::vector<Score> want;
    for (const int threads : {1, 2}) {
      EngineOptions options;
      options.threads = threads;
      options.compute = compute;
      const auto engine = engine::make_cpu_engine(model, options);
      const Subject subject{engine.get(), nullptr, {}};
      const Groups groups = random_groups(model->config().vocab_size, true);
      if (want.empty()) want = scores_of(subject, groups, 1000);
      check_close(want, plain_scores(*engine, groups));
      for (const int batch : {1, 20, 50, 1000}) {
        check_equal(scores_of(subject, groups, batch), want);
        // Alone, where nothing is shared; and among others.
        std::vector<Score> alone;
        for (const auto& group : groups) {
          const auto own = scores_of(subject, {group}, batch);
          alone.insert(alone.end(), own.begin(), own.end());
        }
        check_equal(alone, want);
        Groups reversed(groups.rbegin(), groups.rend());
        for (auto& group : reversed) std::reverse(group.begin(), group.end());
        auto got = scores_of(subject, reversed, batch);
        std::reverse(got.begin(), got.end());
        check_equal(got, want);
      }
    }
  }
}

}  // namespace
}  // namespace nalar::eval
