// Tokens per second and memory of LoRA training steps, without an optimizer.
//   train_step_bench MODEL   NALAR_BENCH_TOKENS (1400), _DOCUMENTS (8), _LEARNED (0.4), _STEPS (5),
//   _THREADS, _RANK (16; 0: all weights), _DTYPE (f32 | bf16), _RECOMPUTE (never | always)
#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/model.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>

#include "nn/trainable.h"

using namespace nalar;

namespace {

std::string setting(const char* variable, const char* otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : text;
}

train::Batch make_batch(const ModelConfig& config, int64_t tokens, int64_t documents,
                        double share) {
  std::mt19937 random(1);
  std::uniform_int_distribution<TokenId> id(0, config.vocab_size - 1);
  train::Batch batch;
  for (int64_t d = 0; d <= documents; ++d) {
    batch.documents.push_back(static_cast<int32_t>(tokens * d / documents));
    if (d < documents) batch.keys.push_back(d);
  }
  for (int64_t t = 0; t < tokens; ++t) {
    batch.ids.push_back(id(random));
    if (std::uniform_real_distribution<double>()(random) >= share) continue;
    batch.learned.push_back(static_cast<int32_t>(t));
    batch.labels.push_back(id(random));
  }
  return batch;
}

void run(const std::string& path) {
  const auto model = open_model(path);
  const int rank = std::stoi(setting("NALAR_BENCH_RANK", "16"));
  const int64_t tokens = std::stoll(setting("NALAR_BENCH_TOKENS", "1400"));
  train::TrainableOptions options;
  if (rank > 0) {
    model::LoraConfig config;
    config.rank = rank;
    options.adapter = model::make_adapter(config, *model, 1);
  }
  options.dtype = setting("NALAR_BENCH_DTYPE", "f32") == "bf16" ? DType::bf16 : DType::f32;
  options.device = Device::cpu;
  options.threads = std::stoi(setting("NALAR_BENCH_THREADS", "0"));
  options.batch_tokens = tokens;
  const bool always = setting("NALAR_BENCH_RECOMPUTE", "never") == "always";
  options.recompute = always ? train::Recompute::always : train::Recompute::never;
  const auto trained = nn::make_trainable(model, options);
  const train::Batch batch =
      make_batch(model->config(), tokens, std::stoll(setting("NALAR_BENCH_DOCUMENTS", "8")),
                 std::stod(setting("NALAR_BENCH_LEARNED", "0.4")));
  double best = 1e30;
  const int steps = std::stoi(setting("NALAR_BENCH_STEPS", "5"));
  for (int i = 0; i < steps; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double loss = trained->add_gradients(batch, 1e-3f, static_cast<uint64_t>(i));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    fmt::print("step {}: loss {:.4f}, {:.2f} s, {:.0f} tokens/s, peak {} MiB\n", i,
               loss / static_cast<double>(batch.learned.size()), took.count(),
               static_cast<double>(tokens) / took.count(), use.ru_maxrss >> 10);
  }
  fmt::print("best {:.0f} tokens/s, {} learned rows\n", static_cast<double>(tokens) / best,
             batch.learned.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: train_step_bench MODEL\n");
    return 64;
  }
  try {
    run(argv[1]);
  } catch (const Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(e.kind());
  }
  return 0;
}
