#pragma once

#include <nalar/dtype.h>
#include <nalar/engine.h>
#include <nalar/model.h>
#include <nalar/token.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/lora.h"

namespace nalar::train {

// T tokens of several documents, one after the other. Attention stays inside a document, whose
// positions start at 0. Row t predicts the token after it.
struct Batch {
  std::vector<TokenId> ids;        // [T]
  std::vector<int32_t> documents;  // first row of each document, then T
  std::vector<int64_t> keys;       // one a document: what its dropout masks are drawn by
  std::vector<int32_t> learned;    // [L] rising: rows whose next token is learned
  std::vector<TokenId> labels;     // [L] that token
};

// A trained tensor: fp32 in host memory, owned by the model, wherever it computes.
struct Parameter {
  std::string name;  // canonical: "layers.3.q_proj.lora_A", "layers.3.q_proj.weight"
  std::vector<int64_t> shape;
  std::span<float> value;
  std::span<float> gradient;
};

enum class Recompute { automatic, never, always };

struct TrainableOptions {
  // Trained: this adapter on a frozen base; nullopt: all weights of the model.
  std::optional<model::LoraAdapter> adapter;
  // Of products, on CUDA of activations too: f32, bf16; f64 for tests.
  DType dtype = DType::f32;
  Device device = Device::cpu;
  int threads = 0;                             // 0 = default_threads()
  uint64_t seed = 0;                           // of dropout
  int64_t batch_tokens = 2048;                 // the largest T: memory is planned for it
  Recompute recompute = Recompute::automatic;  // activations kept while they fit in memory
};

struct TrainingMemory {
  int64_t weights = 0;      // of the base, besides the mapped file
  int64_t activations = 0;  // of a batch of the largest size
  int64_t parameters = 0;   // values and gradients
  bool recompute = false;   // blocks are computed again in the backward pass
  // Multiplications and additions a second of a product here, measured; 0: not measured.
  double flops_per_s = 0;
};

// A model with parameters and gradients. One thread calls it; the same call gives the same bits on
// one build, device and number of threads.
class TrainableModel {
 public:
  virtual ~TrainableModel() = default;

  virtual std::span<Parameter> parameters() = 0;
  // The values have changed: copies elsewhere are made again.
  virtual void parameters_changed() = 0;
  virtual void clear_gradients() = 0;

  // Sum of -log p(label) over the learned rows, in nats. No dropout.
  virtual double loss(const Batch& batch) = 0;
  // The same with dropout (masks are a function of seed, update, module, document's key and row),
  // and gradient += weight · d loss / d value.
  virtual double add_gradients(const Batch& batch, float weight, uint64_t update) = 0;

  virtual TrainingMemory memory() const = 0;
};

}  // namespace nalar::train
