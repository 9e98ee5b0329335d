#pragma once

#include <memory>
#include <vector>

#include "engine/block.h"

namespace nalar::engine {

// The transformer: embedding, blocks, final norm, head. Holds the packed weights and the adapters.
class Decoder {
 public:
  Decoder(std::shared_ptr<const Model> model, std::vector<AdapterUse> adapters,
          const KernelSet& kernels, base::ThreadPool& pool);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Every thread calls it with its worker: the rows' keys and values are stored, and the logits of
  // the rows that want them made. `kept`: pass.keep_logit_rows' result, or null when all rows are
  // walked to the end.
  void forward(const Worker& all, Pass* kept) const;

  const ModelConfig& config() const { return model_->config(); }
  const KvLayout& kv_layout() const { return kv_layout_; }
  size_t weight_bytes() const { return packed_.bytes() + adapters_.bytes(); }
  bool has_adapters() const { return !adapters_.empty(); }

 private:
  // x of the rows' tokens.
  void embed(const Worker& w) const;
  void embed_base(const Worker& w, base::Range own) const;
  void make_logits(const Worker& w) const;

  std::shared_ptr<const Model> model_;
  const KernelSet& kernels_;
  AdapterSet adapters_;
  PackedWeights packed_;
  KvLayout kv_layout_;
  Ropes ropes_;
  std::vector<Block> blocks_;
  Norm final_norm_;
  Linear head_;
};

}  // namespace nalar::engine
