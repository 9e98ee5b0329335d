#pragma once

#include <nalar/engine.h>
#include <nalar/model.h>

#include <memory>
#include <span>

namespace nalar::engine {

// The layers of a model one at a time, each over texts from their first position on: for one who
// keeps the hidden states x_TD himself and has other things to do between two layers. What a layer
// computes has the engine's bits. Of the weights the layer at work alone is in memory as the
// kernels read it.
class LayerWalk {
 public:
  // `rows`: of the longest text. Errors: those of make_cpu_engine.
  LayerWalk(std::shared_ptr<const Model> model, int threads, int rows);
  ~LayerWalk();

  int n_layers() const;
  int threads() const;
  // Errors: usage for an id out of range.
  void embed(std::span<const TokenId> tokens, MatrixView<float> x);
  // x becomes what layer i makes of it. `other`: in place of its weights, of the same shapes;
  // packed anew for each call. Errors: the observer's (which may be nullptr).
  void layer(int i, MatrixView<float> x, LinearObserver* observer,
             const LayerWeights* other = nullptr);
  // x becomes what the head reads.
  void normalize(MatrixView<float> x);

 private:
  class Walk;
  std::unique_ptr<Walk> walk_;
};

}  // namespace nalar::engine
