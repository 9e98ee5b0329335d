#pragma once

#include <nalar/adapter.h>
#include <nalar/export.h>
#include <nalar/model.h>
#include <nalar/tensor.h>
#include <nalar/token.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nalar {

enum class SequenceId : int32_t {};

struct SequenceOptions {
  int max_tokens = 0;  // longest length it may reach; 0 = n_ctx of the engine
  // With the engine's adapters; false: the base alone. Both kinds may be in one call; each change
  // from slice to slice begins a new walk over the weights.
  bool adapted = true;
};

// What one forward call does to one sequence.
struct Slice {
  SequenceId sequence;
  std::span<const TokenId>
      tokens;  // appended after what the sequence holds; 1 = decode, many = prefill
  std::span<const int32_t>
      logit_rows;  // rising positions in `tokens` whose logits are wanted; may be empty
};

enum class Compute {
  automatic,  // quantized weights against 8-bit activations
  fp32,       // weights dequantized and multiplied in fp32: the reference
};

struct EngineOptions {
  int threads = 0;  // 0 = physical cores in the affinity mask and cgroup quota
  int n_ctx = 0;    // positions a sequence may hold; 0 = n_ctx_train
  Compute compute = Compute::automatic;
  std::vector<AdapterUse> adapters;  // opened for this model; what they add is summed
  int prefill_chunk = 256;           // tokens the scratch memory is made for; longer calls are cut

  // Throws Error(usage) for a value out of its range.
  NALAR_API void validate() const;
};

struct MemoryUse {
  int64_t weights = 0;  // repacked weights: the file's pages for them were given back
  int64_t cache = 0;    // KV pages in use; those given back are kept for the next sequence
  int64_t scratch = 0;
};

// Sees the input of every Linear: rows_TI [T, in], fp32. For calibration.
class NALAR_API LinearObserver {
 public:
  virtual ~LinearObserver() = default;
  virtual void linear_input(const TensorView& weight, MatrixView<const float> rows) = 0;
};

// Tokens in, logits out. One thread calls it at a time. A result never depends on what else is in
// the call, on the number of threads or on how a prompt was cut: equal bits on the CPU engine, on
// every instruction set.
class NALAR_API Engine {
 public:
  virtual ~Engine() = default;

  virtual SequenceId create(const SequenceOptions& options = {}) = 0;
  // A new sequence that shares the first n_tokens of `from` (pages are copied when written),
  // adapted as that is.
  virtual SequenceId fork(SequenceId from, int n_tokens) = 0;
  // Forgets the tail; n_tokens ≤ length.
  virtual void truncate(SequenceId sequence, int n_tokens) = 0;
  virtual void release(SequenceId sequence) = 0;
  virtual int length(SequenceId sequence) const = 0;
  // logits: [sum of logit_rows, V], slice by slice. Errors: usage for an id out of range or a
  // sequence that would grow over its limit (nothing is changed then); os when memory is short.
  virtual void forward(std::span<const Slice> slices, MatrixView<float> logits) = 0;
  virtual void observe(LinearObserver* observer) = 0;  // nullptr ends it

  virtual const ModelConfig& config() const = 0;
  virtual MemoryUse memory() const = 0;
  virtual int threads() const = 0;
  virtual int n_ctx() const = 0;
};

enum class Device { automatic, cpu, cuda };

// The engine of this device. Errors: config when CUDA is asked for and LibTorch or CUDA is not
// there, with what to install as the hint.
NALAR_API std::unique_ptr<Engine> open_engine(std::shared_ptr<const Model> model,
                                              const EngineOptions& options, Device device);

// "avx512bf16", "avx512", "avx2", "scalar": what the CPU engine runs on (NALAR_ISA forces one of
// them).
NALAR_API std::string cpu_isa();
// Physical cores within the affinity mask and the cgroup's CPU quota, at least 1.
NALAR_API int default_threads();
// Bytes that this process may still take without swapping, within its cgroups' limits; nullopt
// where the system does not tell.
NALAR_API std::optional<int64_t> available_memory();

struct MemoryEstimate {
  int64_t weights = 0;
  int64_t cache_per_token = 0;
  int64_t scratch = 0;
};
// What an engine would need; loads nothing.
NALAR_API MemoryEstimate estimate_memory(const Model& model, const EngineOptions& options);

}  // namespace nalar
