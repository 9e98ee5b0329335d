#include "model/rope_config.h"

#include <nalar/error.h>

#include <cstring>

#include "model/rope_frequencies.h"

namespace nalar::model {
namespace {

// Only whole heads are turned in these families.
void check_whole_head(HfConfig& config) {
  constexpr std::string_view kKey = "partial_rotary_factor";
  if (config.number(kKey, kPositive, 1) != 1)
    fail_unsupported(config.path_of(kKey), "other than 1");
}

[[noreturn]] void fail_both(const HfConfig& config) {
  fail_unsupported(config.path_of("rope_scaling"), "rope_parameters as well");
}

void read_llama3(HfConfig& config, RopeScaling& scaling) {
  scaling.kind = RopeScalingKind::llama3;
  scaling.factor = config.number("factor", kPositive);
  scaling.low_freq_factor = config.number("low_freq_factor", kPositive);
  scaling.high_freq_factor = config.number("high_freq_factor", kPositive);
  scaling.original_context = config.integer("original_max_position_embeddings", kContextRange);
}

void read_yarn(HfConfig& config, int64_t n_ctx_train, RopeScaling& scaling) {
  scaling.kind = RopeScalingKind::yarn;
  scaling.factor = config.number("factor", kPositive);
  scaling.original_context =
      config.integer("original_max_position_embeddings", kContextRange, n_ctx_train);
  scaling.beta_fast = config.number("beta_fast", kPositive, scaling.beta_fast);
  scaling.beta_slow = config.number("beta_slow", kPositive, scaling.beta_slow);
  scaling.truncate = config.boolean("truncate", true);
  scaling.attention_factor = yarn_magnitude(scaling.factor);
  const double mscale = config.number("mscale", kPositiveOrOff, 0);
  const double mscale_all_dim = config.number("mscale_all_dim", kPositiveOrOff, 0);
  if (mscale != 0 && mscale_all_dim != 0) {
    scaling.attention_factor =
        yarn_magnitude(scaling.factor, mscale) / yarn_magnitude(scaling.factor, mscale_all_dim);
  }
  scaling.attention_factor = config.number("attention_factor", kPositive, scaling.attention_factor);
  config.ignore("finetuned");
}

void read_gguf_yarn(GgufConfig& config, int64_t n_ctx_train, RopeScaling& scaling) {
  scaling.kind = RopeScalingKind::yarn;
  scaling.factor = config.number("rope.scaling.factor", kPositive);
  scaling.original_context =
      config.integer("rope.scaling.original_context_length", kContextRange, n_ctx_train);
  scaling.beta_fast = config.number("rope.scaling.yarn_beta_fast", kPositive, scaling.beta_fast);
  scaling.beta_slow = config.number("rope.scaling.yarn_beta_slow", kPositive, scaling.beta_slow);
  const double magnitude = yarn_magnitude(scaling.factor);
  scaling.attention_factor = config.number("rope.scaling.yarn_attn_factor", kPositive, magnitude);
  scaling.attention_factor *= config.number("rope.scaling.attn_factor", kPositive, 1);
  constexpr std::string_view kExtrapolation = "rope.scaling.yarn_ext_factor";
  if (config.number(kExtrapolation, kPositive, 1) != 1) {
    fail_unsupported(config.path_of(kExtrapolation), "other than 1");
  }
}

void read_gguf_factors(GgufConfig& config, int head_dim, RopeScaling& scaling) {
  constexpr std::string_view kName = "rope_freqs.weight";
  const TensorView* tensor = config.tensor(kName);
  if (!tensor) return;
  const std::vector<int64_t> need{head_dim / 2};
  if (tensor->dtype != DType::f32 || tensor->shape != need) {
    throw Error(ErrorKind::bad_data,
                "tensor rope_freqs.weight: got " + std::string(name(tensor->dtype)) + " " +
                    shape_text(tensor->shape) + ", need F32 " + shape_text(need));
  }
  scaling.freq_factors.resize(static_cast<size_t>(need[0]));
  std::memcpy(scaling.freq_factors.data(), tensor->bytes.data(),
              scaling.freq_factors.size() * sizeof(float));
}

}  // namespace

RopeSpec plain_rope(double theta, int head_dim) {
  RopeSpec rope;
  rope.theta = theta;
  rope.rope_dim = head_dim;
  return rope;
}

RopeSpec hf_rope_parameters(HfConfig parameters, double theta, const RopeDefaults& defaults) {
  RopeSpec rope = plain_rope(parameters.number("rope_theta", kPositive, theta), defaults.head_dim);
  check_whole_head(parameters);
  // "type" is what older files call it; some hold both.
  const std::string_view old_type = parameters.text("type", "default");
  const std::string_view type = parameters.text("rope_type", old_type);
  if (type == "linear") {
    rope.scaling.kind = RopeScalingKind::linear;
    rope.scaling.factor = parameters.number("factor", kPositive);
  } else if (type == "llama3") {
    read_llama3(parameters, rope.scaling);
  } else if (type == "yarn") {
    read_yarn(parameters, defaults.n_ctx_train, rope.scaling);
  } else if (type != "default") {
    fail_unsupported(parameters.path_of("rope_type"), type);
  }
  parameters.finish();
  return rope;
}

RopeSpec hf_rope(HfConfig& config, const RopeDefaults& defaults) {
  const double theta = config.number("rope_theta", kPositive, defaults.theta);
  check_whole_head(config);
  config.only("rope_interleaved", false);
  const auto scaling = config.object("rope_scaling");
  const auto parameters = config.object("rope_parameters");
  if (scaling && parameters) fail_both(config);
  if (scaling) return hf_rope_parameters(*scaling, theta, defaults);
  if (parameters) return hf_rope_parameters(*parameters, theta, defaults);
  return plain_rope(theta, defaults.head_dim);
}

LayerRopes hf_layer_ropes(HfConfig& config, double local_theta, const RopeDefaults& defaults) {
  const double theta = config.number("rope_theta", kPositive, defaults.theta);
  local_theta = config.number("rope_local_base_freq", kPositive, local_theta);
  LayerRopes ropes{plain_rope(local_theta, defaults.head_dim),
                   plain_rope(theta, defaults.head_dim)};
  const auto scaling = config.object("rope_scaling");
  auto parameters = config.object("rope_parameters");
  if (scaling && parameters) fail_both(config);
  if (scaling) ropes.global = hf_rope_parameters(*scaling, theta, defaults);
  if (!parameters) return ropes;
  if (const auto global = parameters->object("full_attention")) {
    ropes.global = hf_rope_parameters(*global, theta, defaults);
  }
  if (const auto local = parameters->object("sliding_attention")) {
    ropes.local = hf_rope_parameters(*local, local_theta, defaults);
  }
  parameters->finish();
  return ropes;
}

RopeSpec gguf_rope(GgufConfig& config, const RopeDefaults& defaults) {
  RopeSpec rope =
      plain_rope(config.number("rope.freq_base", kPositive, defaults.theta), defaults.head_dim);
  config.integer("rope.dimension_count", {defaults.head_dim, defaults.head_dim}, defaults.head_dim);
  config.ignore("rope.scaling.finetuned");  // how it was trained; nothing to compute
  const double old_factor = config.number("rope.scale_linear", kPositive, 1);
  const std::string_view type = config.text("rope.scaling.type", "linear");
  if (type == "yarn") {
    read_gguf_yarn(config, defaults.n_ctx_train, rope.scaling);
  } else if (type == "linear") {
    rope.scaling.factor = config.number("rope.scaling.factor", kPositive, old_factor);
    if (rope.scaling.factor != 1) rope.scaling.kind = RopeScalingKind::linear;
  } else if (type == "none") {
    config.ignore("rope.scaling.factor");
  } else {
    fail_unsupported(config.path_of("rope.scaling.type"), type);
  }
  // Written beside other kinds too, where it says nothing.
  config.integer("rope.scaling.original_context_length", kContextRange, 0);
  read_gguf_factors(config, defaults.head_dim, rope.scaling);
  return rope;
}

}  // namespace nalar::model
