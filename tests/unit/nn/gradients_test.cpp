#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>

#include "autograd_twin.h"
#include "memory_model.h"
#include "support/catch.h"

// Gradients in double against autograd's. What is compared is the fp32 sum that the model gives, so
// each element may be off by a rounding to fp32 of the tensor's size.
namespace nalar::nn::test {
namespace {

void check_gradients(std::shared_ptr<const Model> model, const TrainableOptions& options) {
  const Batch batch = make_batch(*model, {11, 1, 6, 14});
  const auto trained = trainable(model, options);
  AutogradTwin twin(*model, options, trained->parameters());
  const double expected = twin.run(batch, 9);
  CHECK(trained->add_gradients(batch, 0.5f, 9) == Approx(expected).epsilon(1e-12));
  for (const train::Parameter& p : trained->parameters()) {
    INFO(p.name);
    const at::Tensor got = at::from_blob(p.gradient.data(), p.shape, at::kFloat).to(at::kDouble);
    const at::Tensor want = twin.gradient(p.name) * 0.5;
    const double largest = want.abs().max().item<double>();
    CHECK(largest > 0);
    CHECK((got - want).abs().max().item<double>() <= 1e-7 * largest);
  }
}

TrainableOptions in_double(std::optional<model::LoraAdapter> adapter) {
  return options_for(DType::f64, std::move(adapter));
}

}  // namespace

TEST_CASE("gradients of LoRA on every Linear are autograd's, in every family") {
  for (const std::string& name : families()) {
    INFO(name);
    const auto model = family(name);
    check_gradients(model, in_double(some_adapter(*model, lora_config())));
  }
}

TEST_CASE("gradients of LoRA with dropout are autograd's") {
  for (const std::string name : {"gemma3", "qwen3"}) {
    INFO(name);
    const auto model = family(name);
    check_gradients(model, in_double(some_adapter(*model, lora_config(0.25))));
  }
}

TEST_CASE("gradients of LoRA on the embedding, the head and one layer are autograd's") {
  for (const std::string name : {"gemma3", "llama-bias"}) {
    INFO(name);
    const auto model = family(name);
    model::LoraConfig config = lora_config(0.25);
    config.targets = {"embed_tokens", "lm_head", "layers.1.mlp.down_proj"};
    check_gradients(model, in_double(some_adapter(*model, config)));
    config.targets = {"layers.1.self_attn.v_proj"};  // the backward pass ends there
    check_gradients(model, in_double(some_adapter(*model, config)));
    config.targets = {"layers.0.self_attn.o_proj"};
    check_gradients(model, in_double(some_adapter(*model, config)));
  }
}

TEST_CASE("gradients of modules with ranks and scales of their own are autograd's") {
  const auto model = family("llama-bias");
  model::LoraAdapter adapter = some_adapter(*model, lora_config());
  model::LoraConfig wider = lora_config();
  wider.rank = 5;
  const model::LoraAdapter other = some_adapter(*model, wider);
  for (size_t i = 1; i < adapter.modules.size(); i += 2) {
    adapter.modules[i] = other.modules[i];
    adapter.modules[i].scale = 0.7f;
  }
  check_gradients(model, in_double(adapter));
}

TEST_CASE("gradients of matrices and a bias that are trained whole beside LoRA are autograd's") {
  for (const std::string name : {"llama-bias", "gemma3"}) {
    INFO(name);
    const auto model = family(name);
    model::LoraAdapter adapter = some_adapter(*model, lora_config(0.25));
    const auto save = [&](model::TensorName target, std::vector<int64_t> shape) {
      size_t n = 1;
      for (const int64_t d : shape) n *= static_cast<size_t>(d);
      std::vector<float> values(n);
      for (size_t i = 0; i < n; ++i) values[i] = 0.1f * static_cast<float>(i % 11) - 0.5f;
      adapter.saved.push_back({target, std::move(shape), std::move(values)});
    };
    const int64_t vocab = model->config().vocab_size, d_model = model->config().d_model;
    save({model::TensorRole::embedding}, {vocab, d_model});
    save({model::TensorRole::head}, {vocab, d_model});
    const LayerWeights& layer = model->weights().layers[1];
    save({model::TensorRole::up, 1}, layer.up.shape);
    if (name == "llama-bias") save({model::TensorRole::k_bias, 1}, layer.k_bias.shape);
    check_gradients(model, in_double(adapter));
  }
}

TEST_CASE("gradients over quantized weights, caps and every place of a norm are autograd's") {
  for (const bool tied : {false, true}) {
    const auto model = engine::test::make_memory_model(tied);
    model::LoraConfig config = lora_config(0.25);
    config.targets = {"all-linear", "lm_head"};
    check_gradients(model, in_double(some_adapter(*model, config)));
  }
}

TEST_CASE("gradients of all weights are autograd's, in every family") {
  for (const std::string& name : families()) {
    INFO(name);
    check_gradients(family(name), in_double({}));
  }
}

}  // namespace nalar::nn::test
