#include <cmath>

#include "nn/transformer.h"
#include "nn_support.h"
#include "support/catch.h"

// What must not change a result: packing, accumulation, recomputing, which operators, the run.
namespace nalar::nn::test {
namespace {

const std::vector<int32_t> kLengths = {7, 12, 3, 9, 5, 2, 20, 11, 4, 6, 8, 3, 10, 2, 5, 13};

std::vector<float> gradients_of(std::shared_ptr<const Model> model, const TrainableOptions& options,
                                Twin twin, const std::vector<Batch>& batches) {
  const auto trained = trainable(std::move(model), options, twin);
  for (const Batch& batch : batches) trained->add_gradients(batch, 0.25f, 3);
  return gradients(*trained);
}

std::vector<Batch> documents(const Batch& batch) {
  std::vector<Batch> all;
  for (size_t d = 0; d + 1 < batch.documents.size(); ++d) all.push_back(document(batch, d));
  return all;
}

}  // namespace

TEST_CASE("sixteen documents one by one have the gradient of one pack, dropout and all") {
  for (const std::string& name : families()) {
    const auto model = family(name);
    const Batch batch = make_batch(*model, kLengths);
    const auto options = options_for(DType::f32, some_adapter(*model, lora_config(0.3)));
    for (const Twin twin : {Twin::kernels, Twin::aten}) {
      INFO(name);
      CHECK(relative_distance(gradients_of(model, options, twin, documents(batch)),
                              gradients_of(model, options, twin, {batch})) <= 1e-5);
    }
  }
}

TEST_CASE("in double, one by one and packed differ by double's rounding") {
  const auto model = family("gemma3");
  const Batch batch = make_batch(*model, kLengths);
  const auto options = options_for(DType::f64, some_adapter(*model, lora_config(0.3)));
  const auto ops = make_aten_ops(at::kCPU, at::kDouble, 1);
  const auto run = [&](const std::vector<Batch>& batches) {
    Parameters parameters(at::kCPU, at::kDouble);
    Arena arena(at::kCPU);
    Transformer transformer(*model, options, *ops, Builder(*model, options, *ops, parameters));
    transformer.take(arena, 128, false);
    for (const Batch& b : batches) transformer.add_gradients(b, {0.25, 3});
    std::vector<double> all;
    for (size_t i = 0; i < parameters.list().size(); ++i) {
      const at::Tensor g = parameters.at(i).gradient;
      all.insert(all.end(), g.data_ptr<double>(), g.data_ptr<double>() + g.numel());
    }
    return all;
  };
  const std::vector<double> one = run({batch}), many = run(documents(batch));
  double difference = 0, norm = 0;
  for (size_t i = 0; i < one.size(); ++i) {
    difference += (one[i] - many[i]) * (one[i] - many[i]);
    norm += one[i] * one[i];
  }
  CHECK(norm > 0);
  CHECK(std::sqrt(difference / norm) <= 1e-12);
}

TEST_CASE("activations computed again give the same bits as those kept") {
  for (const std::string& name : families()) {
    const auto model = family(name);
    const Batch batch = make_batch(*model, kLengths);
    for (const bool full : {false, true}) {
      std::optional<model::LoraAdapter> adapter;
      if (!full) adapter = some_adapter(*model, lora_config(0.1));
      TrainableOptions options = options_for(DType::f32, adapter);
      const auto kept = gradients_of(model, options, Twin::kernels, {batch});
      options.recompute = train::Recompute::always;
      INFO(name << (full ? ", full" : ", LoRA"));
      CHECK(gradients_of(model, options, Twin::kernels, {batch}) == kept);
    }
  }
}

TEST_CASE("the kernels' gradients are ATen's") {
  for (const std::string& name : families()) {
    const auto model = family(name);
    const Batch batch = make_batch(*model, kLengths);
    for (const bool full : {false, true}) {
      std::optional<model::LoraAdapter> adapter;
      if (!full) adapter = some_adapter(*model, lora_config(0.1));
      const TrainableOptions options = options_for(DType::f32, adapter);
      INFO(name << (full ? ", full" : ", LoRA"));
      // Sums of some hundred terms in another order.
      CHECK(relative_distance(gradients_of(model, options, Twin::kernels, {batch}),
                              gradients_of(model, options, Twin::aten, {batch})) <= 1e-5);
    }
  }
}

TEST_CASE("the same call gives the same bits, however many threads") {
  const auto model = family("gemma3");
  const Batch batch = make_batch(*model, kLengths);
  TrainableOptions options = options_for(DType::f32, some_adapter(*model, lora_config(0.1)));
  const auto once = gradients_of(model, options, Twin::kernels, {batch});
  CHECK(gradients_of(model, options, Twin::kernels, {batch}) == once);
  for (const int threads : {1, 3}) {
    options.threads = threads;
    CHECK(gradients_of(model, options, Twin::kernels, {batch}) == once);
  }
}

TEST_CASE("dropout's masks are those of seed and update") {
  const auto model = family("qwen3");
  const Batch batch = make_batch(*model, {20, 20});
  TrainableOptions options = options_for(DType::f32, some_adapter(*model, lora_config(0.5)));
  const auto loss = [&](uint64_t seed, uint64_t update) {
    options.seed = seed;
    return trainable(model, options)->add_gradients(batch, 1, update);
  };
  CHECK(loss(1, 1) == loss(1, 1));
  CHECK(loss(1, 1) != loss(1, 2));
  CHECK(loss(1, 1) != loss(2, 1));
  const auto trained = trainable(model, options);
  CHECK(trained->loss(batch) == trained->loss(batch));
  CHECK(trained->loss(batch) != trained->add_gradients(batch, 1, 1));
}

}  // namespace nalar::nn::test
