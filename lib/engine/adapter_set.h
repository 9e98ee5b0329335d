#pragma once

#include <nalar/adapter.h>

#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/aligned_buffer.h"
#include "engine/pass.h"
#include "model/lora.h"

namespace nalar::engine {

// scale · B (A x) of one Linear, summed over the adapters of an engine: their ranks one after the
// other, [R, in] and [out, R], the scales in B. In fp32, whatever the type of the Linear.
class LowRank {
 public:
  LowRank(std::span<const AdapterUse> uses, const model::LoraTarget& target,
          const KernelSet& kernels);

  int64_t rank() const { return rank_; }
  size_t bytes() const { return a_.size() + b_.size(); }

  // A x of this thread's rows `own`, for add() on any thread once the rows are ready.
  void read(const Worker& w, base::Range own, MatrixView<const float> x) const;
  // y[t * stride + r] += for rows of the matrix and all rows that were read.
  void add(const Worker& w, base::Range matrix_rows, int64_t n_rows, float* y,
           int64_t stride) const;

  // Of an embedding, whose input is one of V: x[t] += of the rows `own`, by the ids of the pass.
  void add_embedded(const Worker& w, base::Range own, float* x, int64_t stride) const;

 private:
  kernels::LinearCall b_call(const std::byte* activations, int64_t n_rows) const;

  const kernels::LinearKernels& kernels_;
  int64_t in_, out_;
  int64_t rank_ = 0;
  int slot_;                   // of the Linears that share an input: which
  base::AlignedBuffer a_, b_;  // packed
  std::vector<float> a_rows_;  // of an embedding: [V, R] instead of a_
};

// The adapters of an engine, as the kernels read them. Keeps them.
class AdapterSet {
 public:
  // Errors: usage, for adapters of another model, and for two that replace the same tensor or one
  // that does so with a scale other than 1.
  AdapterSet(const Model& model, std::vector<AdapterUse> uses, const KernelSet& kernels);

  // What stands in place of a Linear's own rows and bias.
  struct Saved {
    const std::byte* packed = nullptr;  // F32
    const float* bias = nullptr;        // or the base's
  };
  // By a Linear's own weight; nullptr where it is not adapted.
  const LowRank* find(const TensorView& weight) const;
  const Saved* find_saved(const TensorView& weight) const;

  const LowRank* embedding() const { return embedding_ ? &*embedding_ : nullptr; }
  const float* saved_embedding() const { return saved_embedding_; }  // [V, D], or nullptr

  bool empty() const { return uses_.empty(); }
  size_t bytes() const;

 private:
  void add_saved(const model::LoraTarget& target, const TensorView& weight,
                 const KernelSet& kernels);

  std::vector<AdapterUse> uses_;
  std::unordered_map<const std::byte*, LowRank> low_ranks_;  // by where the file's rows lie
  std::unordered_map<const std::byte*, Saved> saved_;
  std::vector<base::AlignedBuffer> packed_;
  std::optional<LowRank> embedding_;
  const float* saved_embedding_ = nullptr;
};

// Rows of `columns` fp32 numbers as LinearKernels of F32 weights read them.
base::AlignedBuffer pack_fp32(const std::vector<float>& rows, int64_t columns,
                              const kernels::LinearKernels& kernels);

// The largest sum of ranks at one matrix.
int64_t largest_rank(std::span<const AdapterUse> uses);

}  // namespace nalar::engine
