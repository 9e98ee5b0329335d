#include <random>

#include "engine_support.h"
#include "memory_model.h"
#include "support/catch.h"
#include "support/material.h"

// A result never depends on what else is in the call, on the threads, on how a prompt was cut or on
// the instruction set: equal bits.
namespace nalar::engine::test {
namespace {

struct Tried {
  std::string name;
  std::shared_ptr<const Model> model;
  Compute compute;
};

std::vector<Tried> tried_models() {
  std::vector<Tried> all;
  const auto tied = make_memory_model(true);
  all.push_back({"memory, 8-bit activations", tied, Compute::automatic});
  all.push_back({"memory, fp32", tied, Compute::fp32});
  all.push_back({"memory, untied", make_memory_model(false), Compute::automatic});
  all.push_back({"gemma3", open_model(nalar::test::golden("models/gemma3")), Compute::automatic});
  return all;
}

// As long as the model allows, and over two pages where it can be.
Ids prompt(const Model& model) {
  const int n = std::min(150, model.config().n_ctx_train);
  return random_ids(static_cast<size_t>(n), model.config().vocab_size, 3);
}

kernels::Isa best_isa() { return kernels::available_isas().back(); }

}  // namespace

TEST_CASE("bits do not depend on threads, chunks or the instruction set") {
  for (const Tried& m : tried_models()) {
    const Ids ids = prompt(*m.model);
    const Logits want = forward_cut(*engine_of(m.model, {1, m.compute, 512, best_isa()}), ids, {});
    for (const float x : want) REQUIRE(std::isfinite(x));
    for (const kernels::Isa isa : kernels::available_isas()) {
      for (const int threads : {1, 2, 3}) {
        for (const int chunk : {512, 31}) {
          if (isa == kernels::Isa::scalar && (threads != 2 || chunk != 31)) continue;  // slow
          INFO(m.name << " on " << name(isa) << ", threads " << threads << ", chunk " << chunk);
          REQUIRE(same_bits(
              forward_cut(*engine_of(m.model, {threads, m.compute, chunk, isa}), ids, {}), want));
        }
      }
    }
  }
}

// Few barriers with several threads here and below: on a busy machine each of them can take a time
// slice.
TEST_CASE("bits do not depend on how a prompt is cut") {
  std::mt19937 random(5);
  for (const Tried& m : tried_models()) {
    const Ids ids = prompt(*m.model);
    const auto engine = engine_of(m.model, {1, m.compute, 512, best_isa()});
    const Logits want = forward_cut(*engine, ids, {});
    INFO(m.name);
    REQUIRE(same_bits(forward_cut(*engine, ids, std::vector<size_t>(ids.size(), 1)), want));
    for (int round = 0; round < 6; ++round) {
      std::vector<size_t> pieces(8);
      for (size_t& n : pieces) n = 1 + random() % (round < 3 ? 40 : 9);
      REQUIRE(same_bits(forward_cut(*engine, ids, pieces), want));
    }
    const auto several = engine_of(m.model, {3, m.compute, 512, best_isa()});
    std::vector<size_t> pieces(20, 1);
    pieces[0] = 50;
    pieces[10] = 5;
    REQUIRE(same_bits(forward_cut(*several, ids, pieces), want));
  }
}

TEST_CASE("bits of wanted rows do not depend on which rows are wanted") {
  for (const Tried& m : tried_models()) {
    const Ids ids = prompt(*m.model);
    const int vocab = m.model->config().vocab_size;
    const auto last = static_cast<int32_t>(ids.size() - 1);
    std::vector<int32_t> every_other;
    for (int32_t row = 1; row <= last; row += 2) every_other.push_back(row);
    for (const int chunk : {512, 50}) {
      const auto engine = engine_of(m.model, {3, m.compute, chunk, best_isa()});
      const Logits want = forward_cut(*engine, ids, {});
      for (const std::vector<int32_t>& rows :
           {std::vector<int32_t>{last}, {0}, {3, 4, 5, 40, 41, last}, {}, every_other}) {
        Logits wanted;
        for (const int32_t row : rows) {
          const auto r = static_cast<size_t>(row);
          const Logits one = rows_of(want, vocab, r, r + 1);
          wanted.insert(wanted.end(), one.begin(), one.end());
        }
        INFO(m.name << ", chunk " << chunk << ", rows " << rows.size());
        const SequenceId sequence = engine->create();
        REQUIRE(same_bits(forward(*engine, sequence, ids, rows), wanted));
        engine->release(sequence);
      }
    }
  }
}

TEST_CASE("bits of a sequence do not depend on the sequences beside it") {
  for (const Tried& m : tried_models()) {
    const int vocab = m.model->config().vocab_size;
    const Ids ids = random_ids(50, vocab, 1);
    const auto engine = engine_of(m.model, {2, m.compute, 64, best_isa()});
    const Logits want = forward_cut(*engine, ids, {});
    // Three sequences, fed in steps of different lengths in one call; the second is the one that is
    // looked at.
    SequenceId sequences[3];
    for (SequenceId& s : sequences) s = engine->create();
    const Ids other = random_ids(60, vocab, 2);
    Logits got;
    for (size_t at = 0; at < ids.size();) {
      const size_t n = std::min(ids.size() - at, 1 + at % 17);
      const std::vector<int32_t> first{0};
      std::vector<int32_t> all;
      for (size_t i = 0; i < n; ++i) all.push_back(static_cast<int32_t>(i));
      const Slice slices[] = {{sequences[0], std::span(other).subspan(at, 1), first},
                              {sequences[1], std::span(ids).subspan(at, n), all},
                              {sequences[2], std::span(other).subspan(at, 3), {}}};
      Logits logits((n + 1) * static_cast<size_t>(vocab));
      engine->forward(slices, {logits.data(), static_cast<int64_t>(n) + 1, vocab, vocab});
      got.insert(got.end(), logits.begin() + vocab, logits.end());
      at += n;
    }
    INFO(m.name);
    REQUIRE(same_bits(got, want));
  }
}

TEST_CASE("bits do not depend on forks and truncations before") {
  for (const Tried& m : tried_models()) {
    const Ids ids = prompt(*m.model);
    const int vocab = m.model->config().vocab_size;
    const auto engine = engine_of(m.model, {1, m.compute, 512, best_isa()});
    const Logits want = forward_cut(*engine, ids, {});
    const size_t n = ids.size();
    for (const size_t shared : {size_t{0}, size_t{1}, n / 3, std::min(n - 1, size_t{128}), n - 1}) {
      const Ids head(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(shared));
      const Ids tail(ids.begin() + static_cast<std::ptrdiff_t>(shared), ids.end());
      const SequenceId parent = engine->create();
      forward(*engine, parent, head, {});
      const SequenceId child = engine->fork(parent, static_cast<int>(shared));
      // The parent goes another way, and so does another child.
      const SequenceId second = engine->fork(parent, static_cast<int>(shared));
      forward(*engine, parent, random_ids(n - shared, vocab, 8), {});
      const auto half = static_cast<std::ptrdiff_t>((n - shared) / 2);
      Logits got = forward(*engine, child, Ids(tail.begin(), tail.begin() + half));
      forward(*engine, second, random_ids(1, vocab, 9), {});
      const Logits more = forward(*engine, child, Ids(tail.begin() + half, tail.end()));
      got.insert(got.end(), more.begin(), more.end());
      INFO(m.name << ", " << shared << " of " << n << " shared");
      REQUIRE(same_bits(got, rows_of(want, vocab, shared, n)));
      engine->truncate(parent, static_cast<int>(shared));
      REQUIRE(same_bits(forward(*engine, parent, tail), rows_of(want, vocab, shared, n)));
      engine->truncate(second, static_cast<int>(shared / 2));
      const Ids rest(ids.begin() + static_cast<std::ptrdiff_t>(shared / 2), ids.end());
      REQUIRE(same_bits(forward(*engine, second, rest), rows_of(want, vocab, shared / 2, n)));
      for (const SequenceId s : {parent, child, second}) engine->release(s);
      REQUIRE(engine->memory().cache == 0);
    }
  }
}

}  // namespace nalar::engine::test
