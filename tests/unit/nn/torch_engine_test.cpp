#include "nn/torch_engine.h"

#include <ATen/ops/empty.h>
#include <nalar/error.h>

#include <filesystem>
#include <map>
#include <optional>

#include "engine_support.h"
#include "memory_model.h"
#include "nn/cached_attention.h"
#include "nn_support.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"

// The engine over LibTorch against the CPU engine, both in fp32: 1e-4 of the largest logit, as both
// are held to transformers' (engine/golden_test.cpp).
namespace nalar::nn::test {
namespace {

using engine::test::base_sequence;
using engine::test::forward;
using engine::test::forward_cut;
using engine::test::full_adapter;
using engine::test::Ids;
using engine::test::Logits;
using engine::test::make_memory_model;
using engine::test::rows_of;
using engine::test::saving_adapter;

std::optional<at::Device> cuda() {
  return has_cuda() ? std::optional(at::Device(at::kCUDA, 0)) : std::nullopt;
}

// Two cases of one check, by the name of its device.
#define NALAR_ON_DEVICES(what, check)                      \
  TEST_CASE(what ", on the CPU") { check(at::kCPU); }      \
  TEST_CASE(what ", on CUDA", "[cuda]") {                  \
    if (const auto device = cuda()) return check(*device); \
    WARN("skipped: no CUDA device");                       \
  }

std::unique_ptr<Engine> torch_engine(std::shared_ptr<const Model> model, at::Device device,
                                     std::vector<AdapterUse> adapters = {},
                                     Compute compute = Compute::fp32) {
  EngineOptions options;
  options.threads = 1;
  options.compute = compute;
  options.adapters = std::move(adapters);
  options.prefill_chunk = 33;
  return make_torch_engine(std::move(model), options, device);
}

std::unique_ptr<Engine> cpu_engine(std::shared_ptr<const Model> model,
                                   std::vector<AdapterUse> adapters = {}) {
  return engine::test::engine_of(std::move(model), {1, Compute::fp32, 512, kernels::chosen_isa()},
                                 std::move(adapters));
}

Ids prompt(const Model& model) {
  const int n = std::min(100, model.config().n_ctx_train);
  return engine::test::random_ids(static_cast<size_t>(n), model.config().vocab_size, 3);
}

Ids part(const Ids& ids, size_t begin, size_t end) {
  return {ids.begin() + static_cast<ptrdiff_t>(begin), ids.begin() + static_cast<ptrdiff_t>(end)};
}

bool near(const Logits& got, const Logits& want, float tolerance = 1e-4f) {
  return engine::test::worst_difference(got, want) <= tolerance * engine::test::largest(want);
}

std::map<std::string, std::shared_ptr<const Model>> models() {
  std::map<std::string, std::shared_ptr<const Model>> all;
  for (const std::string& name : engine::test::golden_models()) all[name] = family(name);
  all["memory, tied"] = make_memory_model(true);
  all["memory, untied"] = make_memory_model(false);
  return all;
}

void check_models(at::Device device) {
  for (const auto& [name, model] : models()) {
    INFO(name);
    const Ids ids = prompt(*model);
    const Logits want = forward_cut(*cpu_engine(model), ids, {});
    const auto engine = torch_engine(model, device);
    CHECK(near(forward_cut(*engine, ids, {}), want));
    CHECK(near(forward_cut(*engine, ids, {20, 1, 1, 5}), want));
  }
}
NALAR_ON_DEVICES("logits of every family are those of the CPU engine", check_models)

void check_truncate(at::Device device) {
  const auto model = make_memory_model(true);
  const Ids ids = prompt(*model);
  const auto engine = torch_engine(model, device);
  const Logits want = forward_cut(*engine, ids, {});
  CHECK(near(forward_cut(*engine, ids, std::vector<size_t>(ids.size(), 1)), want));
  const SequenceId s = engine->create();
  forward(*engine, s, engine::test::random_ids(90, 300, 8), {});
  engine->truncate(s, 0);
  forward(*engine, s, part(ids, 0, 80), {});
  engine->truncate(s, 71);
  CHECK(engine->length(s) == 71);
  CHECK(near(forward(*engine, s, part(ids, 71, 100)), rows_of(want, 300, 71, 100)));
}
NALAR_ON_DEVICES("logits do not depend on how a prompt is cut or what was forgotten",
                 check_truncate)

void check_forks(at::Device device) {
  const auto model = make_memory_model(true);
  const Ids ids = prompt(*model), others = engine::test::random_ids(10, 300, 9);
  const auto engine = torch_engine(model, device);
  const Logits want = forward_cut(*engine, ids, {});
  CHECK(engine->memory().cache == 0);

  const SequenceId parent = engine->create();
  forward(*engine, parent, part(ids, 0, 50), {});
  const int64_t one = engine->memory().cache;
  CHECK(one > 0);
  const SequenceId child = engine->fork(parent, 40), twin = engine->fork(parent, 50);
  CHECK(engine->memory().cache == one);  // shared
  forward(*engine, child, others, {});   // there is room for them in what is shared
  CHECK(engine->memory().cache > one);
  CHECK(near(forward(*engine, parent, part(ids, 50, 100)), rows_of(want, 300, 50, 100)));
  CHECK(near(forward(*engine, twin, part(ids, 50, 100)), rows_of(want, 300, 50, 100)));
  engine->truncate(child, 40);
  engine->release(parent);
  CHECK(near(forward(*engine, child, part(ids, 40, 100)), rows_of(want, 300, 40, 100)));
  engine->release(child);
  engine->release(twin);
  CHECK(engine->memory().cache == 0);
}
NALAR_ON_DEVICES("a fork that writes leaves the others alone", check_forks)

// Sequences with the adapters and without, each from a fork at another place, in one call.
void check_batch(Engine& engine, const Ids& ids, const Logits& adapted, const Logits& base) {
  const int vocab = engine.config().vocab_size;
  std::vector<SequenceId> sequences;
  std::vector<Ids> tails;
  std::vector<std::vector<int32_t>> rows;
  for (size_t i = 0; i < 4; ++i) {
    const SequenceId from = i % 2 == 0 ? engine.create() : base_sequence(engine);
    forward(engine, from, part(ids, 0, 20), {});
    sequences.push_back(engine.fork(from, static_cast<int>(20 - i)));
    tails.push_back(part(ids, 20 - i, ids.size()));
    rows.push_back({0, static_cast<int32_t>(tails.back().size()) - 1});
  }
  std::vector<Slice> slices;
  for (size_t i = 0; i < 4; ++i) slices.push_back({sequences[i], tails[i], rows[i]});
  // Rows apart from one another: what lies between them is not touched.
  const int64_t stride = vocab + 3;
  Logits got(static_cast<size_t>(8 * stride), 7.0f);
  engine.forward(slices, {got.data(), 8, vocab, stride});
  for (size_t i = 0; i < 8; ++i) {
    INFO("row " << i);
    const Logits& all = i / 2 % 2 == 0 ? adapted : base;
    const size_t row = i % 2 == 0 ? 20 - i / 2 : ids.size() - 1;
    const auto begin = got.begin() + static_cast<ptrdiff_t>(i) * stride;
    CHECK(near(Logits(begin, begin + vocab), rows_of(all, vocab, row, row + 1)));
    CHECK(Logits(begin + vocab, begin + stride) == Logits(3, 7.0f));
  }
}

void check_adapters(at::Device device) {
  for (const bool tied : {true, false}) {
    INFO("tied " << tied);
    const auto model = make_memory_model(tied);
    const std::vector<AdapterUse> uses = {
        {full_adapter(*model, 1), 1}, {full_adapter(*model, 2), 0.5f}, {saving_adapter(*model), 1}};
    const Ids ids = prompt(*model);
    const Logits base = forward_cut(*cpu_engine(model), ids, {});
    const Logits adapted = forward_cut(*cpu_engine(model, uses), ids, {});
    const auto engine = torch_engine(model, device, uses);
    CHECK_FALSE(near(adapted, base, 0.1f));
    CHECK(near(forward_cut(*engine, ids, {}), adapted));
    CHECK(near(forward(*engine, base_sequence(*engine), ids), base));
    check_batch(*engine, ids, adapted, base);
  }
}
NALAR_ON_DEVICES("adapters are on and off in one call", check_adapters)

void check_peft(at::Device device) {
  namespace fs = std::filesystem;
  for (const fs::path& base : fs::directory_iterator(nalar::test::golden("adapters"))) {
    const auto model = family(base.filename().string());
    const Ids ids = prompt(*model);
    for (const fs::path& adapter : fs::directory_iterator(base)) {
      if (!fs::is_directory(adapter)) continue;
      INFO(adapter.string());
      const std::vector<AdapterUse> uses = {{open_adapter(adapter.string(), *model), 1}};
      CHECK(near(forward_cut(*torch_engine(model, device, uses), ids, {}),
                 forward_cut(*cpu_engine(model, uses), ids, {})));
    }
  }
}
NALAR_ON_DEVICES("adapters that PEFT wrote give the CPU engine's logits", check_peft)

struct Recorder : LinearObserver {
  std::map<std::string, Logits> inputs;
  void linear_input(const TensorView& weight, MatrixView<const float> x) override {
    Logits& list = inputs[std::string(weight.name)];
    for (int64_t r = 0; r < x.rows; ++r) list.insert(list.end(), x.row(r), x.row(r) + x.columns);
  }
};

void check_observer(at::Device device) {
  const auto model = make_memory_model(false);
  const Ids ids = prompt(*model);
  const auto torch = torch_engine(model, device), cpu = cpu_engine(model);
  Recorder got, want;
  torch->observe(&got);
  cpu->observe(&want);
  forward_cut(*torch, ids, {});
  forward_cut(*cpu, ids, {});
  torch->observe(nullptr);
  forward_cut(*torch, ids, {});
  CHECK(got.inputs.size() == 3 * 7 + 1);
  for (const auto& [name, rows] : want.inputs) {
    INFO(name);
    CHECK(near(got.inputs[name], rows));
  }
}
NALAR_ON_DEVICES("the observer sees the inputs of every Linear", check_observer)

// Eight bits of mantissa, a few dozen roundings that add up at random.
void check_bf16(at::Device device) {
  const auto model = make_memory_model(true);
  const Ids ids = prompt(*model);
  const Logits want = forward_cut(*cpu_engine(model), ids, {});
  const auto engine = torch_engine(model, device, {}, Compute::automatic);
  const Logits got = forward_cut(*engine, ids, {30, 1});
  CHECK(near(got, want, 0.1f));
  CHECK_FALSE(near(got, want));
  CHECK(engine->memory().weights < torch_engine(model, device)->memory().weights);
}
NALAR_ON_DEVICES("quantized weights are computed with in bf16, near fp32", check_bf16)

void check_attention(at::Device device) {
  const auto random = [&](std::vector<int64_t> shape) {
    return at::empty(shape, at::TensorOptions().device(device)).normal_();
  };
  for (const int window : {0, 7}) {
    for (const int64_t position : {0, 1, 20}) {
      for (const int64_t n : {1, 5, 30}) {
        INFO("window " << window << ", rows " << position << " and " << n << " more");
        const AttentionSpec spec = {6, 2, 16, 0.3f, window, 0, false, false, {}, {}};
        const int64_t first = window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
        const int64_t keys = position + n - first;
        const CachedQueries queries{spec,
                                    position,
                                    first,
                                    random({1, 6, n, 16}),
                                    random({1, 2, keys, 16}),
                                    random({1, 2, keys, 16})};
        const at::Tensor fused = fused_attention(queries);
        const at::Tensor plain = plain_attention(queries, at::kFloat);
        // Means of values near 1, over some fifty roundings.
        CHECK((fused - plain).abs().max().item<float>() <= 1e-5f);
      }
    }
  }
}
NALAR_ON_DEVICES("the fused operator attends as whole-tensor operators do", check_attention)

}  // namespace

TEST_CASE("what a call may not ask of the torch engine is refused and changes nothing") {
  const auto model = make_memory_model(true);
  EngineOptions options;
  options.threads = 1;
  options.n_ctx = 60;
  const auto engine = make_torch_engine(model, options, at::kCPU);
  const Ids ids = engine::test::random_ids(50, 300, 1);
  const SequenceId s = engine->create(), other = engine->create();
  const auto error = [](auto&& call) { return nalar::test::error_of(call); };
  const Logits want = forward(*engine, s, ids);
  const int64_t cache = engine->memory().cache;
  CHECK(error([&] { forward(*engine, s, ids, {}); }) ==
        "sequence 0: 50 tokens and 50 more do not fit into 60");
  CHECK(error([&] { engine->create({61}); }) == "max_tokens: got 61, need 0 to 60");
  CHECK(error([&] { engine->truncate(s, 51); }) ==
        "tokens to keep: got 51, need 0 to the sequence's length 50");
  CHECK(error([&] { engine->release(SequenceId{9}); }) == "no sequence 9");
  const Ids one = {1}, bad = {300};
  const Slice slices[] = {{other, one, {}}, {s, bad, {}}};
  CHECK(error([&] { engine->forward(slices, {}); }) == "token id: got 300, need 0 to 299");
  CHECK(engine->length(other) == 0);
  CHECK(engine->length(s) == 50);
  CHECK(engine->memory().cache == cache);

  struct Thrower : LinearObserver {
    void linear_input(const TensorView&, MatrixView<const float>) override {
      throw Error(ErrorKind::io, "disk full");
    }
  } thrower;
  engine->observe(&thrower);
  CHECK(error([&] { forward(*engine, other, ids); }) == "disk full");
  engine->observe(nullptr);
  CHECK(engine->length(other) == 0);
  CHECK(near(forward(*engine, other, ids), want));
  engine->forward({}, {});
  CHECK(forward(*engine, other, {}, {}).empty());
  CHECK(engine->n_ctx() == 60);
  CHECK(engine->threads() == 1);
}

TEST_CASE("a torch engine that cannot be made says why") {
  const auto model = family("qwen2-bias");
  const auto other = make_memory_model(false);
  CHECK(nalar::test::error_of([&] {
          torch_engine(model, at::kCPU, {{full_adapter(*other, 1), 1}});
        }) == "adapter random: was opened for another model");
  EngineOptions options;
  options.prefill_chunk = 0;
  CHECK(nalar::test::error_of([&] {
          make_torch_engine(model, options, at::kCPU);
        }).find("prefill_chunk: got 0") == 0);
  if (has_cuda()) return;
  try {
    make_torch_engine(model, {});
    FAIL("opened");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::config);
    CHECK(std::string(e.what()).find("CUDA: need ") == 0);
    CHECK(e.hint().find("install") != std::string::npos);
  }
}

}  // namespace nalar::nn::test
