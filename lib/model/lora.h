#pragma once

#include <nalar/export.h>

#include <nalar/model.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/tensor_names.h"

// LoRA (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022): a Linear's
// y = W x + b becomes W x + b + scale · B (A x), with A [R, in] and B [out, R].
namespace nalar::model {

// What is adapted, and how. `validate()` beside it throws usage.
struct LoraConfig {
  int rank = 16;
  double alpha = 32;
  double dropout = 0;   // of the input of A, while it is trained; in [0, 1)
  bool rslora = false;  // scale = alpha / sqrt(rank) instead of alpha / rank
  // "all-linear" (every Linear of the layers), or names as Hugging Face writes them: "q_proj",
  // "layers.3.mlp.down_proj", "embed_tokens", "lm_head".
  std::vector<std::string> targets = {"all-linear"};

  double scale() const;
  void validate() const;
};

inline constexpr int kMaxRank = 1 << 16;

// One adapted matrix. Of an embedding [V, D] it is the transposed form: A [R, V], B [D, R], the
// row of token t becomes E_t + scale · B A_{·t}, as PEFT has it.
struct LoraModule {
  TensorName target;  // q, k, v, o, gate, up, down of a layer; embedding; head
  int rank = 0;
  float scale = 0;       // the effective multiplier
  std::vector<float> a;  // [R, in]
  std::vector<float> b;  // [out, R], rows in the order of the base's own
};

// A whole tensor in place of the base's (PEFT's modules_to_save).
struct SavedTensor {
  TensorName target;  // what a LoraModule may have, or the bias of a Linear
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct NALAR_MODULE_API LoraAdapter {
  LoraConfig config;
  std::vector<LoraModule> modules;  // in the order of the forward pass
  std::vector<SavedTensor> saved;

  const LoraModule* find(TensorName target) const;
  const SavedTensor* find_saved(TensorName target) const;
};

// A matrix that can be adapted, as LoraModule sees it: in and out of the embedding are V and D.
struct LoraTarget {
  TensorName name;
  int64_t in = 0, out = 0;
};

// All of a model's, in the order of the forward pass; the head is one, tied or not.
NALAR_MODULE_API std::vector<LoraTarget> adaptable(const ModelConfig& model);
// The bias of a Linear of a layer.
std::optional<TensorName> bias_of(TensorName linear);
// What Hugging Face calls the module: "model.layers.3.self_attn.q_proj".
std::string module_name(TensorName target);
// Whether `name` is that name, or its end from a dot on.
bool names_module(std::string_view name, std::string_view module);

// The matrices that these targets name. Errors: usage for a name that no Linear of the model has.
std::vector<TensorName> lora_targets(const LoraConfig& config, const ModelConfig& model);

// m [rows, columns] → [columns, rows].
std::vector<float> transposed(const std::vector<float>& m, int64_t columns);

// A start as PEFT makes it: A uniform within ±1/sqrt(in) (Kaiming, a = sqrt(5)), drawn from a
// counter-based generator keyed (seed, module, element); B zero. For an embedding A is zero and B
// normal. Errors: those of lora_targets.
LoraAdapter make_adapter(const LoraConfig& config, const Model& base, uint64_t seed);

}  // namespace nalar::model
