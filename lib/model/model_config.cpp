#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/model_config.h>

#include <cmath>
#include <string>

#include "model/config_value.h"

namespace nalar {
namespace {

using model::IntRange;

// Names the field, "layers[3].attention.", in front of what is wrong with it.
class Checker {
 public:
  explicit Checker(std::string where = {}) : where_(std::move(where)) {}

  Checker inside(std::string_view field) const {
    return Checker(where_ + std::string(field) + ".");
  }

  void integer(std::string_view field, int64_t value, IntRange range) const {
    if (value < range.min || value > range.max) fail(field, value, model::need_text(range));
  }
  void positive(std::string_view field, double value) const {
    if (!(std::isfinite(value) && value > 0)) fail(field, value, "a finite number > 0");
  }
  void positive_or_off(std::string_view field, double value) const {
    if (!(std::isfinite(value) && value >= 0)) fail(field, value, "a finite number >= 0");
  }
  void multiple(std::string_view field, int64_t value, int64_t of) const {
    if (of == 0 || value % of != 0) fail(field, value, fmt::format("a multiple of {}", of));
  }
  void that(bool right, std::string_view field, std::string_view need) const {
    if (!right) fail(field, "another value", need);
  }

 private:
  template <typename T>
  [[noreturn]] void fail(std::string_view field, const T& got, std::string_view need) const {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}{}: got {}, need {}", where_, field, got, need));
  }

  std::string where_;
};

void check_norm(const Checker& check, const NormSpec& norm) {
  check.positive("eps", norm.eps);
  check.that(norm.weight_offset == 0 || norm.weight_offset == 1, "weight_offset", "0 or 1");
}

void check_norm(const Checker& check, std::string_view field, const std::optional<NormSpec>& norm) {
  if (norm) check_norm(check.inside(field), *norm);
}

void check_scaling(const Checker& check, const RopeScaling& scaling, int rope_dim) {
  check.that(scaling.kind != RopeScalingKind::longrope, "kind", "none, linear, llama3 or yarn");
  check.positive("factor", scaling.factor);
  check.positive("attention_factor", scaling.attention_factor);
  if (scaling.kind == RopeScalingKind::llama3 || scaling.kind == RopeScalingKind::yarn) {
    check.integer("original_context", scaling.original_context, model::kContextRange);
  }
  if (scaling.kind == RopeScalingKind::llama3) {
    check.positive("low_freq_factor", scaling.low_freq_factor);
    check.that(scaling.high_freq_factor > scaling.low_freq_factor, "high_freq_factor",
               "one over low_freq_factor");
  }
  if (scaling.kind == RopeScalingKind::yarn) {
    check.positive("beta_slow", scaling.beta_slow);
    check.that(scaling.beta_fast >= scaling.beta_slow, "beta_fast", "beta_slow or more");
  }
  if (scaling.freq_factors.empty()) return;
  check.integer("freq_factors.size", static_cast<int64_t>(scaling.freq_factors.size()),
                {rope_dim / 2, rope_dim / 2});
  for (const float factor : scaling.freq_factors) check.positive("freq_factors", factor);
}

void check_rope(const Checker& check, const RopeSpec& rope, int head_dim) {
  check.positive("theta", rope.theta);
  check.integer("rope_dim", rope.rope_dim, {2, head_dim});
  check.multiple("rope_dim (head_dim)", rope.rope_dim, 2);
  // YaRN's ramp divides by ln(theta).
  check.that(rope.scaling.kind != RopeScalingKind::yarn || rope.theta > 1, "theta", "more than 1");
  check_scaling(check.inside("scaling"), rope.scaling, rope.rope_dim);
}

void check_attention(const Checker& check, const AttentionSpec& attention) {
  check.integer("n_heads", attention.n_heads, model::kHeadsRange);
  check.integer("n_kv_heads", attention.n_kv_heads, model::kHeadsRange);
  check.multiple("n_heads", attention.n_heads, attention.n_kv_heads);
  check.integer("head_dim", attention.head_dim, model::kHeadDimRange);
  check.integer("n_heads * head_dim", int64_t{attention.n_heads} * attention.head_dim,
                {1, model::kFeedForwardRange.max});
  check.positive("scale", attention.scale);
  check.integer("window", attention.window, model::kWindowRange);
  check.positive_or_off("softcap", attention.softcap);
  check_norm(check, "qk_norm", attention.qk_norm);
  if (attention.rope) check_rope(check.inside("rope"), *attention.rope, attention.head_dim);
}

}  // namespace

void ModelConfig::validate() const {
  const Checker check;
  check.integer("d_model", d_model, model::kWidthRange);
  check.integer("vocab_size", vocab_size, model::kVocabularyRange);
  check.integer("n_ctx_train", n_ctx_train, model::kContextRange);
  check.integer("n_layers", n_layers(), model::kLayersRange);
  check.positive("embedding_scale", embedding_scale);
  check.positive_or_off("final_softcap", final_softcap);
  check_norm(check.inside("final_norm"), final_norm);
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerSpec& layer = layers[i];
    const Checker in_layer(fmt::format("layers[{}].", i));
    check_norm(in_layer, "attention_norm", layer.attention_norm);
    check_norm(in_layer, "attention_post_norm", layer.attention_post_norm);
    check_norm(in_layer, "feed_forward_norm", layer.feed_forward_norm);
    check_norm(in_layer, "feed_forward_post_norm", layer.feed_forward_post_norm);
    check_attention(in_layer.inside("attention"), layer.attention);
    in_layer.integer("feed_forward.d_ff", layer.feed_forward.d_ff, model::kFeedForwardRange);
    // One page of the KV cache serves all layers.
    in_layer.that(layer.attention.n_kv_heads == layers[0].attention.n_kv_heads &&
                      layer.attention.head_dim == layers[0].attention.head_dim,
                  "attention.n_kv_heads and head_dim", "those of layer 0");
  }
  for (const int32_t id : generation.eos_ids) {
    check.integer("generation.eos_ids", id, {0, vocab_size - 1});
  }
}

}  // namespace nalar
