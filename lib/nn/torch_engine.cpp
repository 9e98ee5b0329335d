#include "nn/torch_engine.h"

#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <optional>
#include <set>

#include "engine/adapter_rules.h"
#include "engine/sequence_table.h"
#include "model/weights.h"
#include "nn/cuda.h"
#include "nn/decoder.h"
#include "nn/guarded.h"
#include "nn/kv_tensors.h"
#include "nn/merge_adapters.h"

namespace nalar::nn {
namespace {

using engine::Walk;

constexpr const char* kSmallerContext = "a smaller --ctx or batch, or --device cpu";

int threads_of(const EngineOptions& options) {
  return options.threads > 0 ? options.threads : default_threads();
}
int n_ctx_of(const Model& model, const EngineOptions& options) {
  return options.n_ctx > 0 ? options.n_ctx : model.config().n_ctx_train;
}

bool all_fp32(const Model& model) {
  bool all = true;
  Weights weights = model.weights();
  model::for_each_tensor(model.config(), weights, [&](const model::TensorSlot& slot) {
    all = all && slot.view->dtype == DType::f32;
  });
  return all && weights.head.dtype == DType::f32;
}

std::unique_ptr<Ops> make_ops(const Model& model, const EngineOptions& options, at::Device device) {
  const bool fp32 = options.compute == Compute::fp32 || all_fp32(model);
  const at::ScalarType work = fp32 ? at::kFloat : at::kBFloat16;
  const auto bytes = static_cast<int64_t>(c10::elementSize(work)) * model.n_parameters();
  // The rest is for keys and values.
  const bool fits = static_cast<double>(bytes) < 0.8 * static_cast<double>(free_memory(device));
  if (!fits) {
    notice("expanded weights do not fit into the device's memory: quantized ones stay so, slowly");
  }
  return make_aten_ops(device, work, threads_of(options), fits ? Expand::once : Expand::each_use);
}

class TorchEngine final : public Engine {
 public:
  TorchEngine(std::shared_ptr<const Model> model, const EngineOptions& options, at::Device device)
      : model_(std::move(model)),
        threads_(threads_of(options)),
        chunk_(std::min(options.prefill_chunk, n_ctx_of(*model_, options))),
        ops_(make_ops(*model_, options, device)),
        ropes_(config(), *ops_, n_ctx_of(*model_, options)),
        arena_(device),
        base_({*model_, *ops_, ropes_, chunk_}, {}, arena_),
        sequences_({n_ctx_of(*model_, options), config().vocab_size}) {
    if (options.adapters.empty()) return;
    engine::check_adapters(config(), options.adapters);
    adapted_.emplace(Decoder::Parts{*model_, *ops_, ropes_, chunk_},
                     merge_adapters(config(), options.adapters), arena_);
  }

  SequenceId create(const SequenceOptions& options) override {
    const auto type = at::TensorOptions().dtype(ops_->work).device(ops_->device);
    return sequences_.add(KvTensors(config(), type, sequences_.rules().limit(options)),
                          options.adapted && adapted_.has_value());
  }
  SequenceId fork(SequenceId from, int n_tokens) override {
    return sequences_.fork(from, n_tokens);
  }
  void truncate(SequenceId sequence, int n_tokens) override {
    sequences_.truncate(sequence, n_tokens);
  }
  void release(SequenceId sequence) override { sequences_.release(sequence); }
  int length(SequenceId sequence) const override { return sequences_.kv(sequence).length(); }

  void forward(std::span<const Slice> slices, MatrixView<float> logits) override {
    guarded(kSmallerContext, [&] {
      sequences_.forward(slices, logits, chunk_,
                         [&](const Walk& walk, const MatrixView<float>& rows) { run(walk, rows); });
    });
  }
  void observe(LinearObserver* observer) override { observer_ = observer; }

  const ModelConfig& config() const override { return model_->config(); }
  MemoryUse memory() const override;
  int threads() const override { return threads_; }
  int n_ctx() const override { return sequences_.rules().n_ctx; }

 private:
  void run(const Walk& walk, const MatrixView<float>& logits) const;

  const std::shared_ptr<const Model> model_;
  const int threads_;
  const int chunk_;
  const std::unique_ptr<const Ops> ops_;
  const RopeTables ropes_;
  Arena arena_;
  const Decoder base_;
  std::optional<Decoder> adapted_;
  engine::SequenceTable<KvTensors> sequences_;
  LinearObserver* observer_ = nullptr;
};

void TorchEngine::run(const Walk& walk, const MatrixView<float>& logits) const {
  Decoder::Rows rows;
  for (const Walk::Part& part : walk.parts) {
    rows.documents.push_back(static_cast<int32_t>(rows.ids.size()));
    rows.ids.insert(rows.ids.end(), part.tokens.begin(), part.tokens.end());
    for (size_t i = 0; i < part.tokens.size(); ++i) {
      rows.positions.push_back(part.position + static_cast<int32_t>(i));
    }
  }
  rows.documents.push_back(static_cast<int32_t>(rows.ids.size()));
  rows.logit_rows = walk.logit_rows;
  const auto caches = [&](size_t layer) {
    std::vector<KeyValues> list;
    for (const Walk::Part& part : walk.parts) {
      list.push_back(sequences_.kv(part.sequence).layer(layer));
    }
    return list;
  };
  (walk.adapted ? *adapted_ : base_).forward(rows, caches, observer_, logits);
}

MemoryUse TorchEngine::memory() const {
  MemoryUse use;
  use.weights = base_.weight_bytes() + (adapted_ ? adapted_->weight_bytes() : 0);
  use.scratch = arena_.bytes();
  std::set<const void*> seen;
  sequences_.for_each([&](const KvTensors& kv) {
    if (seen.insert(kv.held()).second) use.cache += kv.bytes();
  });
  return use;
}

}  // namespace

bool has_cuda() { return !open_device(Device::automatic).is_cpu(); }

std::unique_ptr<Engine> make_torch_engine(std::shared_ptr<const Model> model,
                                          const EngineOptions& options) {
  return make_torch_engine(std::move(model), options, open_device(Device::cuda));
}

std::unique_ptr<Engine> make_torch_engine(std::shared_ptr<const Model> model,
                                          const EngineOptions& options, at::Device device) {
  options.validate();
  return guarded(kSmallerContext, [&]() -> std::unique_ptr<Engine> {
    return std::make_unique<TorchEngine>(std::move(model), options, device);
  });
}

}  // namespace nalar::nn
