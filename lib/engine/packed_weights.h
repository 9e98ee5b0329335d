#pragma once

#include <nalar/model.h>

#include <unordered_map>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "engine/adapter_set.h"
#include "engine/kernel_set.h"

namespace nalar::engine {

// The matrices of a layer's Linears.
std::vector<TensorView> linear_weights(const LayerWeights& w);
// Those of a model's (the embedding too where it is the head): each once.
std::vector<TensorView> linear_weights(const Model& model);

// Matrices as the kernels read them, in one arena, packed from the file's rows slice by slice
// on all threads; the file's pages are given back as it goes, so that no second copy of the model
// stays in memory. Types that the kernels read as they lie stay in the file.
class PackedWeights {
 public:
  // None yet. All three must outlive it.
  PackedWeights(const Model& model, const AdapterSet& adapters, const KernelSet& kernels)
      : model_(model), adapters_(adapters), kernels_(kernels) {}

  // These instead of those before, whose rows are gone.
  const PackedWeights& pack(const std::vector<TensorView>& tensors, base::ThreadPool& pool);

  // Row 0 of a matrix, for LinearCall::weight. Borrows from this or from the file.
  const std::byte* find(const TensorView& tensor) const;
  const AdapterSet& adapters() const { return adapters_; }
  size_t bytes() const { return arena_.size(); }

 private:
  const Model& model_;
  const AdapterSet& adapters_;
  const KernelSet& kernels_;
  std::unordered_map<const std::byte*, const std::byte*> packed_;  // by where the file's rows lie
  base::AlignedBuffer arena_;
};

}  // namespace nalar::engine
