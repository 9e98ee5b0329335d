#include "nn/trainable.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <chrono>

#include "kernels/isa.h"
#include "nn/cuda.h"
#include "nn/guarded.h"
#include "nn/transformer.h"

namespace nalar::nn {
namespace {

using train::Batch;
using train::Recompute;
using train::TrainableOptions;
using train::TrainingMemory;

[[noreturn]] void usage(const std::string& message) { throw Error(ErrorKind::usage, message); }

constexpr const char* kSmallerBatches = "smaller batches";

at::ScalarType work_type(DType type) {
  switch (type) {
    case DType::f32:
      return at::kFloat;
    case DType::f64:
      return at::kDouble;
    case DType::bf16:
      return at::kBFloat16;
    default:
      usage("dtype: got " + std::string(name(type)) + ", need F32, BF16 or F64");
  }
}

void check(const TrainableOptions& options) {
  if (options.batch_tokens < 1) usage("batch_tokens: need at least 1");
  if (options.threads < 0) usage("threads: need at least 0");
}

int threads_of(const TrainableOptions& options) {
  return options.threads > 0 ? options.threads : default_threads();
}

std::unique_ptr<Ops> make_ops(const TrainableOptions& options) {
  check(options);
  const at::Device device = open_device(options.device);
  const at::ScalarType type = work_type(options.dtype);
  if (device.is_cpu() && type != at::kDouble) {
    return make_kernel_ops(threads_of(options), type == at::kBFloat16);
  }
  return make_aten_ops(device, type, threads_of(options));
}

void warn_of_slow_bf16(DType type, at::Device device) {
  if (type != DType::bf16 || !device.is_cpu()) return;
  if (kernels::chosen_isa() == kernels::Isa::avx512bf16) return;
  notice("dtype: this processor has no AVX512_BF16, fp32 is faster on it than bf16");
}

// Sizes alone: on LibTorch's device without memory.
TrainingMemory plan(const Model& model, const TrainableOptions& options, const Ops& for_ops) {
  const at::Device device = for_ops.device;
  const auto ops = make_aten_ops(at::kMeta, for_ops.work, 1);
  Parameters parameters(at::kMeta, ops->wide);
  Transformer transformer(model, options, *ops, Builder(model, options, *ops, parameters));
  TrainingMemory memory;
  memory.weights = device.is_cpu() ? 0 : transformer.weight_bytes();
  for (const train::Parameter& p : parameters.list()) {
    int64_t n = 1;
    for (const int64_t d : p.shape) n *= d;
    memory.parameters += n * 2 * static_cast<int64_t>(sizeof(float));
  }
  const auto activations = [&](bool recompute) {
    Arena arena = Arena::counting();
    transformer.take(arena, options.batch_tokens, recompute);
    return arena.bytes();
  };
  memory.recompute = options.recompute == Recompute::always;
  memory.activations = activations(memory.recompute);
  if (options.recompute != Recompute::automatic) return memory;
  // The optimizer will take as much as the parameters do; the rest is for what else runs.
  const int64_t needed = memory.weights + memory.activations + 2 * memory.parameters;
  if (static_cast<double>(needed) > 0.8 * static_cast<double>(free_memory(device))) {
    memory.recompute = true;
    memory.activations = activations(true);
  }
  return memory;
}

// Of a product as a small model has it, the best of some: what else runs does not count.
double product_speed(const Ops& ops, DType type) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kSide = 512;
  constexpr std::chrono::milliseconds kLongEnough{100};
  const at::Tensor weights = at::ones({kSide, kSide}, work_type(type));
  Matrix matrix;
  matrix.view.dtype = type;
  matrix.view.shape = {kSide, kSide};
  matrix.view.bytes = {static_cast<const std::byte*>(weights.const_data_ptr()), weights.nbytes()};
  ops.place(matrix);
  const at::Tensor x = weights.to(ops.device, ops.work);
  const at::Tensor y = at::empty_like(x);
  std::chrono::duration<double> best = std::chrono::seconds(1);
  for (const auto begin = Clock::now(); Clock::now() - begin < kLongEnough;) {
    const auto start = Clock::now();
    ops.product(y, x, matrix, false);
    y[0][0].item();  // waits for the device
    best = std::min<std::chrono::duration<double>>(best, Clock::now() - start);
  }
  return 2.0 * kSide * kSide * kSide / best.count();
}

void check(const Batch& batch, int64_t vocab_size, int64_t most_rows) {
  const auto n = static_cast<int64_t>(batch.ids.size());
  const auto& d = batch.documents;
  if (n < 1 || n > most_rows) {
    usage("batch: got " + std::to_string(n) + " tokens, need 1 to " + std::to_string(most_rows));
  }
  bool good = d.size() >= 2 && d.front() == 0 && d.back() == n && batch.keys.size() + 1 == d.size();
  for (size_t i = 1; good && i < d.size(); ++i) good = d[i] > d[i - 1];
  if (!good) usage("batch: its documents are not rows 0 to " + std::to_string(n));
  good = batch.learned.size() == batch.labels.size();
  int64_t last = -1;
  for (const int32_t row : batch.learned) good = good && row > last && row < n, last = row;
  if (!good) usage("batch: its learned rows do not rise within it");
  for (const std::vector<TokenId>* ids : {&batch.ids, &batch.labels}) {
    for (const TokenId id : *ids) {
      if (id < 0 || id >= vocab_size) usage("batch: token id " + std::to_string(id));
    }
  }
}

class TorchModel final : public train::TrainableModel {
 public:
  TorchModel(std::shared_ptr<const Model> model, const TrainableOptions& options,
             std::unique_ptr<Ops> ops)
      : model_(std::move(model)),
        ops_(std::move(ops)),
        memory_(plan(*model_, options, *ops_)),
        parameters_(ops_->device, ops_->wide),
        arena_(ops_->device),
        transformer_(*model_, options, *ops_, Builder(*model_, options, *ops_, parameters_)) {
    memory_.weights = transformer_.weight_bytes();
    transformer_.take(arena_, options.batch_tokens, memory_.recompute);
  }

  std::span<train::Parameter> parameters() override { return parameters_.list(); }
  void parameters_changed() override {
    guarded(kSmallerBatches, [&] { parameters_.upload(); });
  }
  void clear_gradients() override {
    for (train::Parameter& p : parameters_.list()) {
      std::fill(p.gradient.begin(), p.gradient.end(), 0.0f);
    }
  }

  double loss(const Batch& batch) override {
    check(batch, model_->config().vocab_size, transformer_.rows());
    if (batch.learned.empty()) return 0;
    return guarded(kSmallerBatches, [&] { return transformer_.loss(batch); });
  }
  double add_gradients(const Batch& batch, float weight, uint64_t update) override {
    check(batch, model_->config().vocab_size, transformer_.rows());
    if (batch.learned.empty()) return 0;
    return guarded(kSmallerBatches, [&] {
      parameters_.begin_gradients();
      const double loss = transformer_.add_gradients(batch, {static_cast<double>(weight), update});
      parameters_.collect_gradients();
      return loss;
    });
  }

  TrainingMemory memory() const override { return memory_; }

 private:
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Ops> ops_;
  TrainingMemory memory_;
  Parameters parameters_;
  Arena arena_;
  Transformer transformer_;
};

}  // namespace

std::unique_ptr<train::TrainableModel> make_trainable(std::shared_ptr<const Model> model,
                                                      const TrainableOptions& options) {
  return guarded(kSmallerBatches, [&] {
    auto ops = make_ops(options);
    warn_of_slow_bf16(options.dtype, ops->device);
    return make_trainable(std::move(model), options, std::move(ops));
  });
}

std::unique_ptr<train::TrainableModel> make_trainable(std::shared_ptr<const Model> model,
                                                      const TrainableOptions& options,
                                                      std::unique_ptr<Ops> ops) {
  check(options);
  return guarded(kSmallerBatches, [&]() -> std::unique_ptr<train::TrainableModel> {
    return std::make_unique<TorchModel>(std::move(model), options, std::move(ops));
  });
}

TrainingMemory plan_training(const Model& model, const TrainableOptions& options) {
  return guarded(kSmallerBatches, [&] {
    const auto ops = make_ops(options);
    TrainingMemory memory = plan(model, options, *ops);
    memory.flops_per_s = product_speed(*ops, options.dtype);
    return memory;
  });
}

}  // namespace nalar::nn
