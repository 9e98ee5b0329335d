#include "train/preparation.h"

#include <nalar/adapter.h>
#include <nalar/error.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "model/lora_peft.h"
#include "train/machine.h"
#include "train/trained_weights.h"

namespace nalar::train {
namespace {

constexpr int64_t kStateExtra = int64_t{1} << 20;  // bytes of a checkpoint besides its tensors

std::optional<model::LoraAdapter> starting_adapter(const Model& base,
                                                   const FinetuneOptions& options) {
  if (options.method == Method::full) return std::nullopt;
  if (!options.adapter) {
    return model::make_adapter(
        {options.rank, options.alpha, options.dropout, options.rslora, options.targets}, base,
        options.seed);
  }
  model::LoraAdapter adapter = open_adapter(*options.adapter, base)->lora();
  adapter.config.dropout = options.dropout;
  return adapter;
}

}  // namespace

Preparation::Preparation(const Model& base, const FinetuneOptions& options, int64_t clock,
                         const std::function<bool()>& stopped)
    : data(read_training_data(base, options, clock, stopped)),
      adapter(starting_adapter(base, options)),
      parameters(adapter ? count_parameters(*adapter) : base.n_parameters()) {}

int64_t clock_now() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  const auto now = std::chrono::system_clock::now();
  return std::max<int64_t>(0, epoch != nullptr ? std::strtoll(epoch, nullptr, 10)
                                               : std::chrono::system_clock::to_time_t(now));
}

void take_form(const model::LoraAdapter& adapter, const Model& base, FinetuneOptions& options) {
  options.rank = adapter.config.rank;
  options.alpha = adapter.config.alpha;
  options.rslora = adapter.config.rslora;
  options.targets = model::target_names(adapter, base.config());
}

int64_t state_bytes(int64_t parameters, Optimizer optimizer) {
  const int copies = optimizer == Optimizer::adamw ? 4 : 2;
  return parameters * copies * static_cast<int64_t>(sizeof(float));
}

int64_t checkpoint_bytes(int64_t parameters, Optimizer optimizer) {
  return state_bytes(parameters, optimizer) + kStateExtra;
}

int64_t largest_batch(const UpdatePlan& plan, const Rows& valid, const data::PackOptions& pack) {
  int64_t most = plan.largest_batch();
  for (const auto& batch : evaluation_batches(valid, pack.batch_tokens, pack.packing)) {
    most = std::max(most, tokens(valid, batch));
  }
  return most;
}

TrainableOptions trainable_options(const FinetuneOptions& options, const Preparation& prepared,
                                   TrainDtype dtype, int64_t largest_batch) {
  return {.adapter = prepared.adapter,
          .dtype = dtype == TrainDtype::bf16 ? DType::bf16 : DType::f32,
          .device = options.device,
          .threads = options.threads > 0 ? options.threads : default_threads(),
          .seed = options.seed,
          .batch_tokens = largest_batch};
}

TrainDtype dtype_for(const FinetuneOptions& options, const Preparation& prepared,
                     const TrainingBackend& backend) {
  return choose_dtype(options.dtype, [&](TrainDtype dtype) {
    return backend.plan(trainable_options(options, prepared, dtype, 1)).flops_per_s;
  });
}

}  // namespace nalar::train
