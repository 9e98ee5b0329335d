#pragma once

#include <nalar/export.h>

#include <optional>
#include <string>
#include <string_view>

// What every tensor of a decoder is called: by us, by Hugging Face checkpoints and by GGUF files.
namespace nalar::model {

enum class TensorRole {
  embedding,
  final_norm,
  head,  // of the model
  attention_norm,
  attention_post_norm,
  feed_forward_norm,
  feed_forward_post_norm,  // of a layer
  q,
  k,
  v,
  o,
  q_bias,
  k_bias,
  v_bias,
  o_bias,
  q_norm,
  k_norm,
  gate,
  up,
  down,
  gate_bias,
  up_bias,
  down_bias,
};

// The scale of a norm, of the model or of a layer.
bool is_norm(TensorRole role);

enum class NameScheme {
  canonical,    // "layers.3.q_proj.weight": ours
  hf,           // "model.layers.3.self_attn.q_proj.weight"
  hf_sandwich,  // the same where each branch has a norm before and one after it
  gguf,         // "blk.3.attn_q.weight"
};

struct TensorName {
  TensorRole role;
  int layer = -1;  // -1: of the model

  friend bool operator==(const TensorName&, const TensorName&) = default;
};

// Names of one file, both ways. `root` stands before Hugging Face's names: "model." but in models
// that see or hear as well, whose text part has a longer one.
class NALAR_MODULE_API TensorNaming {
 public:
  explicit TensorNaming(NameScheme scheme, std::string_view root = "model.");

  std::string name(TensorName tensor) const;
  // nullopt for a name that stands for none of the roles.
  std::optional<TensorName> parse(std::string_view name) const;

 private:
  std::string_view word(const struct TensorWords& words) const;

  NameScheme scheme_;
  std::string root_;
  std::string layer_prefix_;
};

}  // namespace nalar::model
