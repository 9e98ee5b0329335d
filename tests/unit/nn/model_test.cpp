#include <cmath>
#include <numeric>

#include "engine/cpu_engine.h"
#include "memory_model.h"
#include "nn/trainable.h"
#include "nn_support.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::nn::test {
namespace {

// Σ -log p(label) by the CPU engine in fp32, document by document, and the largest logit.
struct Expected {
  double loss = 0;
  double largest = 0;
};

Expected by_engine(std::shared_ptr<const Model> model, const Batch& batch) {
  EngineOptions options;
  options.threads = 1;
  options.compute = Compute::fp32;
  const auto engine = engine::make_cpu_engine(model, options);
  const int64_t vocab = model->config().vocab_size;
  Expected expected;
  for (size_t d = 0; d + 1 < batch.documents.size(); ++d) {
    const Batch one = document(batch, d);
    const Slice slice{engine->create(), one.ids, one.learned};
    const auto rows = static_cast<int64_t>(one.learned.size());
    std::vector<float> logits(static_cast<size_t>(rows * vocab));
    engine->forward({&slice, 1}, {logits.data(), rows, vocab, vocab});
    for (int64_t i = 0; i < rows; ++i) {
      const float* const row = logits.data() + i * vocab;
      double sum = 0;
      for (int64_t v = 0; v < vocab; ++v) {
        const double x = static_cast<double>(row[v]);
        sum += std::exp(x);
        expected.largest = std::max(expected.largest, std::fabs(x));
      }
      const double picked = static_cast<double>(row[one.labels[static_cast<size_t>(i)]]);
      expected.loss += std::log(sum) - picked;
    }
  }
  return expected;
}

}  // namespace

TEST_CASE("the loss of every family is that of the CPU engine's logits") {
  std::vector<std::string> names = families();
  names.push_back("quantized");
  for (const std::string& name : names) {
    const auto model = name == "quantized" ? engine::test::make_memory_model(false) : family(name);
    const Batch batch = make_batch(*model, {17, 1, 9, 30});
    const Expected expected = by_engine(model, batch);
    // An error of e in each logit is one of at most 2 e in -log p.
    const double bound = 2 * 1e-4 * expected.largest * static_cast<double>(batch.learned.size());
    for (const Twin twin : {Twin::kernels, Twin::aten}) {
      INFO(name << (twin == Twin::kernels ? ", kernels" : ", ATen"));
      const auto full = trainable(model, options_for(DType::f32, {}), twin);
      CHECK(std::fabs(full->loss(batch) - expected.loss) <= bound);
      // A new adapter changes nothing.
      const auto adapter = model::make_adapter(lora_config(), *model, 1);
      const auto lora = trainable(model, options_for(DType::f32, adapter), twin);
      CHECK(std::fabs(lora->loss(batch) - expected.loss) <= bound);
    }
    const auto wide = trainable(model, options_for(DType::f64, {}));
    CHECK(std::fabs(wide->loss(batch) - expected.loss) <= bound);
  }
}

TEST_CASE("bf16 is near fp32") {
  const auto model = family("llama-bias");
  const Batch batch = make_batch(*model, {9, 6});
  const auto adapter = some_adapter(*model, lora_config());
  const auto half = trainable(model, options_for(DType::bf16, adapter));
  const auto single = trainable(model, options_for(DType::f32, adapter));
  // Eight bits of mantissa, a few dozen roundings that add up at random.
  CHECK(half->add_gradients(batch, 1, 0) ==
        Approx(single->add_gradients(batch, 1, 0)).epsilon(0.02));
  CHECK(relative_distance(gradients(*half), gradients(*single)) < 0.05);
}

TEST_CASE("parameters have canonical names and the adapter's values") {
  const auto model = family("qwen3");
  const auto adapter = some_adapter(*model, lora_config());
  const auto lora = trainable(model, options_for(DType::f32, adapter));
  const auto parameters = lora->parameters();
  REQUIRE(parameters.size() == 2 * adapter.modules.size());
  CHECK(parameters[0].name == "layers.0.q_proj.lora_A");
  CHECK(parameters[1].name == "layers.0.q_proj.lora_B");
  CHECK(parameters[0].shape == std::vector<int64_t>{3, model->config().d_model});
  CHECK(std::vector<float>(parameters[1].value.begin(), parameters[1].value.end()) ==
        adapter.modules[0].b);

  const auto full = trainable(model, options_for(DType::f32, {}));
  int64_t n = 0;
  for (const train::Parameter& p : full->parameters()) n += static_cast<int64_t>(p.value.size());
  CHECK(n == model->n_parameters());
  CHECK(full->parameters()[0].name == "embedding.weight");
}

TEST_CASE("a plan says what is taken, and loads nothing") {
  const auto model = family("gemma3");
  for (const train::Recompute recompute : {train::Recompute::never, train::Recompute::always}) {
    TrainableOptions options = options_for(DType::f32, some_adapter(*model, lora_config(0.1)));
    options.recompute = recompute;
    const train::TrainingMemory plan = plan_training(*model, options);
    const train::TrainingMemory taken = trainable(model, options)->memory();
    CHECK(plan.activations == taken.activations);
    CHECK(plan.parameters == taken.parameters);
    CHECK(plan.recompute == (recompute == train::Recompute::always));
    CHECK(plan.recompute == taken.recompute);
  }
}

TEST_CASE("what does not fit is refused by name") {
  const auto model = family("llama-bias");
  const auto lora = trainable(model, options_for(DType::f32, some_adapter(*model, lora_config())));
  const Batch good = make_batch(*model, {5});
  const auto refused = [&](const std::function<void(Batch&)>& change) {
    Batch batch = good;
    change(batch);
    return nalar::test::error_of([&] { lora->loss(batch); });
  };
  CHECK(refused([](Batch&) {}) == "no error");
  CHECK(refused([](Batch& b) { b.ids.assign(129, 0); }) == "batch: got 129 tokens, need 1 to 128");
  CHECK(refused([](Batch& b) { b.documents = {0, 3}; }).find("documents") != std::string::npos);
  CHECK(refused([](Batch& b) {
          b.documents = {0, 3, 3, 5};
        }).find("documents") != std::string::npos);
  CHECK(refused([](Batch& b) { b.ids[0] = -1; }) == "batch: token id -1");
  CHECK(refused([](Batch& b) { b.labels[0] = 1 << 20; }) == "batch: token id 1048576");
  CHECK(refused([](Batch& b) { b.learned.back() = 5; }).find("learned") != std::string::npos);
  CHECK(refused([](Batch& b) { b.labels.pop_back(); }).find("learned") != std::string::npos);

  auto adapter = some_adapter(*model, lora_config());
  adapter.modules[1].b.pop_back();
  CHECK(nalar::test::error_of([&] {
          trainable(model, options_for(DType::f32, adapter));
        }).find("layers.0.k_proj.lora_B: got ") == 0);
  CHECK(nalar::test::error_of([&] { trainable(model, options_for(DType::q8_0, {})); }) ==
        "dtype: got Q8_0, need F32, BF16 or F64");
}

}  // namespace nalar::nn::test
