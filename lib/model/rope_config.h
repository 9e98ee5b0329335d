#pragma once

#include <nalar/model_config.h>

#include "model/gguf_config.h"
#include "model/hf_config.h"

// How files describe rotary positions.
namespace nalar::model {

struct RopeDefaults {
  double theta = 10000;
  int head_dim = 0;
  int64_t n_ctx_train = 0;
};

// The rope of all layers of a Hugging Face config: rope_theta with rope_scaling, or the newer
// rope_parameters. Half-split; other kinds than default, linear, llama3 and yarn are refused by
// name.
RopeSpec hf_rope(HfConfig& config, const RopeDefaults& defaults);
// One object of that kind (`parameters` is rope_scaling, rope_parameters or a member of it), read
// to its end. `theta` is used where it gives none.
RopeSpec hf_rope_parameters(HfConfig parameters, double theta, const RopeDefaults& defaults);
// The same without scaling.
RopeSpec plain_rope(double theta, int head_dim);

// Where layers that attend within a window turn their heads otherwise than those that see
// everything.
struct LayerRopes {
  RopeSpec local;
  RopeSpec global;
};

// rope_local_base_freq and rope_theta with rope_scaling (of the global ones), or rope_parameters
// keyed by the kind of layer. `defaults` are those of the global ones.
LayerRopes hf_layer_ropes(HfConfig& config, double local_theta, const RopeDefaults& defaults);

// rope.* of a GGUF file and its tensor rope_freqs.weight. Style is left at `half`.
RopeSpec gguf_rope(GgufConfig& config, const RopeDefaults& defaults);

}  // namespace nalar::model
