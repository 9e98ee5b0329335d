#include <algorithm>

#include "engine/decoder.h"

namespace nalar {

MemoryEstimate estimate_memory(const Model& model, const EngineOptions& options) {
  options.validate();
  const engine::KernelSet kernels(kernels::chosen_isa(), options.compute);
  const ModelConfig& config = model.config();
  const int threads = options.threads > 0 ? options.threads : default_threads();
  const int n_ctx = options.n_ctx > 0 ? options.n_ctx : config.n_ctx_train;
  MemoryEstimate estimate;
  for (const TensorView& t : engine::linear_weights(model)) {
    const size_t packed = kernels.linear.packed_bytes(t.dtype, t.rows(), t.columns());
    estimate.weights += static_cast<int64_t>(packed > 0 ? packed : t.bytes.size());
  }
  if (!config.tied_head) {
    estimate.weights += static_cast<int64_t>(model.weights().embedding.bytes.size());
  }
  for (const AdapterUse& use : options.adapters) {
    estimate.weights += use.adapter->n_parameters() * static_cast<int64_t>(sizeof(float));
  }
  estimate.cache_per_token = static_cast<int64_t>(
      engine::KvLayout(config, kernels.kv_type()).block_bytes() / kernels::kKvPage);
  const int rows = std::min(options.prefill_chunk, n_ctx);  // untouched memory is not taken
  const engine::Widths widths(config, engine::largest_rank(options.adapters));
  estimate.scratch =
      static_cast<int64_t>(engine::Activations(widths, kernels, rows, threads).bytes());
  return estimate;
}

}  // namespace nalar
