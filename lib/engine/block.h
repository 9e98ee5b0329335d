#pragma once

#include "engine/attention.h"
#include "engine/feed_forward.h"

namespace nalar::engine {

// A layer: x += post(attention(pre(x))); x += post(feed_forward(pre(x)))
class Block {
 public:
  Block(int layer, const LayerSpec& spec, const LayerWeights& weights, const Parts& parts);

  // In two halves: the rows of `w` into the KV pages, and what is left of the layer, for those rows
  // or some.
  void store(const Worker& w) const;
  void finish(const Worker& w) const;

 private:
  // h = norm(x)
  void normalize(const Worker& w, const Norm& norm) const;
  // x += norm(branch)
  void add_branch(const Worker& w, const Norm& norm) const;

  const kernels::VectorKernels& vector_;
  Norm attention_norm_, attention_post_norm_;
  Attention attention_;
  Norm feed_forward_norm_, feed_forward_post_norm_;
  FeedForward feed_forward_;
};

}  // namespace nalar::engine
