#include "nn_support.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "nn/trainable.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar::nn::test {

std::vector<std::string> families() {
  return {"gemma3", "llama-bias", "llama-llama3.gguf", "mistral-window", "qwen2-yarn", "qwen3"};
}

std::shared_ptr<const Model> family(const std::string& name) {
  return open_model(nalar::test::golden("models/" + name));
}

Batch make_batch(const Model& model, const std::vector<int32_t>& lengths, int learned) {
  std::mt19937 random(11);
  std::uniform_int_distribution<TokenId> ids(0, model.config().vocab_size - 1);
  Batch batch;
  batch.documents.push_back(0);
  for (size_t d = 0; d < lengths.size(); ++d) {
    const int32_t begin = batch.documents.back(), end = begin + lengths[d];
    batch.documents.push_back(end);
    batch.keys.push_back(static_cast<int64_t>(100 + 7 * d));
    for (int32_t t = begin; t < end; ++t) {
      batch.ids.push_back(ids(random));
      if (static_cast<int>(random() % 4) >= learned || t + 1 == end) continue;
      batch.learned.push_back(t);
      batch.labels.push_back(ids(random));
    }
  }
  return batch;
}

Batch document(const Batch& batch, size_t d) {
  const int32_t begin = batch.documents[d], end = batch.documents[d + 1];
  Batch one;
  one.ids.assign(batch.ids.begin() + begin, batch.ids.begin() + end);
  one.documents = {0, end - begin};
  one.keys = {batch.keys[d]};
  for (size_t i = 0; i < batch.learned.size(); ++i) {
    if (batch.learned[i] < begin || batch.learned[i] >= end) continue;
    one.learned.push_back(batch.learned[i] - begin);
    one.labels.push_back(batch.labels[i]);
  }
  return one;
}

model::LoraConfig lora_config(double dropout) {
  model::LoraConfig config;
  config.rank = 3;
  config.alpha = 6;
  config.dropout = dropout;
  return config;
}

model::LoraAdapter some_adapter(const Model& model, const model::LoraConfig& config) {
  model::LoraAdapter adapter = model::make_adapter(config, model, 5);
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.1f);
  for (model::LoraModule& module : adapter.modules) {
    for (std::vector<float>* values : {&module.a, &module.b}) {
      for (float& v : *values) v = normal(random);
    }
  }
  return adapter;
}

TrainableOptions options_for(DType dtype, std::optional<model::LoraAdapter> adapter) {
  TrainableOptions options;
  options.adapter = std::move(adapter);
  options.dtype = dtype;
  options.device = Device::cpu;
  options.threads = dtype == DType::f32 ? 2 : 1;
  options.seed = 42;
  options.batch_tokens = 128;
  options.recompute = train::Recompute::never;
  return options;
}

std::unique_ptr<TrainableModel> trainable(std::shared_ptr<const Model> model,
                                          const TrainableOptions& options, Twin twin) {
  if (twin == Twin::kernels) return make_trainable(std::move(model), options);
  return make_trainable(std::move(model), options, make_aten_ops(at::kCPU, at::kFloat, 1));
}

std::vector<float> gradients(TrainableModel& model) {
  std::vector<float> all;
  for (const train::Parameter& p : model.parameters()) {
    all.insert(all.end(), p.gradient.begin(), p.gradient.end());
  }
  return all;
}

double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    difference += (x - y) * (x - y);
    norm += y * y;
  }
  return std::sqrt(difference / norm);
}

}  // namespace nalar::nn::test
