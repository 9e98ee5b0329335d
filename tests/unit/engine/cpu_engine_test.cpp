#include "engine/cpu_engine.h"

#include <nalar/error.h>

#include "engine_support.h"
#include "memory_model.h"
#include "support/catch.h"

namespace nalar::engine::test {
namespace {

const std::shared_ptr<const Model>& model() {
  static const auto m = make_memory_model(true);
  return m;
}

std::unique_ptr<Engine> small_engine() {
  EngineOptions options;
  options.threads = 2;
  options.n_ctx = 100;
  options.prefill_chunk = 64;
  return make_cpu_engine(model(), options);
}

// That the call throws Error(usage) with this in its message.
template <typename F>
void check_usage(F f, const std::string& part) {
  try {
    f();
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::usage);
    CHECK_THAT(std::string(e.what()), Catch::Contains(part));
    return;
  }
  FAIL("nothing was thrown, wanted: " << part);
}

}  // namespace

TEST_CASE("options out of their range are refused") {
  EngineOptions options;
  options.threads = -1;
  check_usage([&] { options.validate(); }, "threads: got -1");
  options = {};
  options.n_ctx = -5;
  check_usage([&] { options.validate(); }, "n_ctx: got -5");
  options = {};
  options.prefill_chunk = 0;
  check_usage([&] { make_cpu_engine(model(), options); }, "prefill_chunk: got 0");
}

TEST_CASE("what a call may not ask for is refused and changes nothing") {
  const auto engine = small_engine();
  const SequenceId s = engine->create();
  const Ids prompt = random_ids(90, 300, 1);
  const Logits want = forward(*engine, s, prompt, {89});
  const MemoryUse before = engine->memory();
  std::vector<float> out(600);
  const auto call = [&](const Ids& ids, const std::vector<int32_t>& rows, int64_t n,
                        int64_t v = 300) {
    const Slice slice{s, ids, rows};
    engine->forward({&slice, 1}, {out.data(), n, v, v});
  };
  check_usage([&] { call({1, 300}, {}, 0); }, "token id: got 300, need 0 to 299");
  check_usage([&] { call({-1}, {}, 0); }, "token id: got -1");
  check_usage([&] { call(random_ids(11, 300, 2), {}, 0); },
              "90 tokens and 11 more do not fit into 100");
  check_usage([&] { call({1, 2}, {1, 0}, 2); }, "logit row: got 0");
  check_usage([&] { call({1, 2}, {2}, 1); }, "logit row: got 2");
  check_usage([&] { call({1, 2}, {0}, 2); }, "logits: got [2, 300], need [1, 300]");
  check_usage([&] { call({1, 2}, {0}, 1, 299); }, "logits: got [1, 299]");
  const Slice twice[] = {{s, prompt, {}}, {s, prompt, {}}};
  check_usage([&] { engine->forward({twice, 1}, {}); }, "do not fit");
  const Ids one{1};
  const Slice same[] = {{s, one, {}}, {s, one, {}}};
  check_usage([&] { engine->forward(same, {}); }, "twice");
  check_usage([&] { engine->truncate(s, 91); }, "need 0 to the sequence's length 90");
  check_usage([&] { engine->fork(s, -1); }, "got -1");
  check_usage([&] { engine->create({101}); }, "max_tokens: got 101");
  check_usage([&] { engine->length(SequenceId{77}); }, "no sequence 77");
  check_usage([&] { engine->release(SequenceId{-1}); }, "no sequence -1");

  // A call whose second slice is wrong leaves the first one's sequence as it is.
  const SequenceId other = engine->create();
  const Ids bad{999};
  const Slice slices[] = {{other, one, {}}, {s, bad, {}}};
  check_usage([&] { engine->forward(slices, {}); }, "token id: got 999");
  CHECK(engine->length(other) == 0);

  CHECK(engine->length(s) == 90);
  CHECK(engine->memory().cache == before.cache);
  engine->truncate(s, 89);
  CHECK(same_bits(forward(*engine, s, {prompt[89]}), want));
}

TEST_CASE("sequences grow to their limit and give their memory back") {
  const auto engine = small_engine();
  const int64_t page = estimate_memory(*model(), {}).cache_per_token * 64;
  const SequenceId s = engine->create({70});
  CHECK(engine->memory().cache == 0);
  forward(*engine, s, random_ids(64, 300, 1), {});
  CHECK(engine->memory().cache == page);
  forward(*engine, s, random_ids(6, 300, 1), {});
  CHECK(engine->memory().cache == 2 * page);
  check_usage([&] { forward(*engine, s, {1}, {}); }, "do not fit into 70");

  const SequenceId child = engine->fork(s, 66);
  CHECK(engine->length(child) == 66);
  CHECK(engine->memory().cache == 2 * page);  // shared
  forward(*engine, child, {1}, {});
  CHECK(engine->memory().cache == 3 * page);  // the second page was copied
  engine->truncate(child, 64);
  CHECK(engine->memory().cache == 2 * page);
  engine->release(s);
  CHECK(engine->memory().cache == page);  // the child still holds the first
  CHECK(engine->length(child) == 64);
  engine->release(child);
  CHECK(engine->memory().cache == 0);
  check_usage([&] { engine->length(child); }, "no sequence");
}

TEST_CASE("an empty call and an empty slice do nothing") {
  const auto engine = small_engine();
  const SequenceId s = engine->create();
  engine->forward({}, {});
  CHECK(forward(*engine, s, {}, {}).empty());
  CHECK(engine->length(s) == 0);
}

TEST_CASE("memory is what was estimated") {
  EngineOptions options;
  options.threads = 2;
  const MemoryEstimate estimate = estimate_memory(*model(), options);
  const auto engine = make_cpu_engine(model(), options);
  CHECK(engine->memory().scratch == estimate.scratch);
  CHECK(engine->memory().weights <= estimate.weights + 64 * 64);
  CHECK(engine->threads() == 2);
  CHECK(engine->n_ctx() == 512);
  CHECK(engine->config().vocab_size == 300);
}

}  // namespace nalar::engine::test
