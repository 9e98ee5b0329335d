#include "engine/block.h"

#include <algorithm>

namespace nalar::engine {

Block::Block(int layer, const LayerSpec& spec, const LayerWeights& weights, const Parts& parts)
    : vector_(parts.kernels.vector),
      attention_norm_(spec.attention_norm, weights.attention_norm, parts.kernels),
      attention_post_norm_(spec.attention_post_norm, weights.attention_post_norm, parts.kernels),
      attention_(layer, spec.attention, weights, parts),
      feed_forward_norm_(spec.feed_forward_norm, weights.feed_forward_norm, parts.kernels),
      feed_forward_post_norm_(spec.feed_forward_post_norm, weights.feed_forward_post_norm,
                              parts.kernels),
      feed_forward_(spec.feed_forward, weights, parts.packed, parts.kernels) {}

void Block::store(const Worker& w) const {
  normalize(w, attention_norm_);
  attention_.store(w);
}

void Block::finish(const Worker& w) const {
  attention_.attend(w);
  add_branch(w, attention_post_norm_);

  normalize(w, feed_forward_norm_);
  feed_forward_.forward(w);
  add_branch(w, feed_forward_post_norm_);
}

void Block::normalize(const Worker& w, const Norm& norm) const {
  const int64_t d_model = w.pass.activations.widths().model;
  const base::Range own = w.own_rows();
  for (int64_t t = own.begin; t < own.end; ++t) {
    const float* const x = w.rows.x + t * d_model;
    float* const h = w.rows.h + t * d_model;
    if (norm.none()) {
      std::copy_n(x, d_model, h);
    } else {
      norm.apply(x, h);
    }
  }
}

void Block::add_branch(const Worker& w, const Norm& norm) const {
  const int64_t d_model = w.pass.activations.widths().model;
  const base::Range own = w.own_rows();
  for (int64_t t = own.begin; t < own.end; ++t) {
    const float* branch = w.pass.activations.branch + t * d_model;
    if (!norm.none()) {
      norm.apply(branch, w.rows.h + t * d_model);
      branch = w.rows.h + t * d_model;
    }
    vector_.add(branch, d_model, w.rows.x + t * d_model);
  }
}

}  // namespace nalar::engine
