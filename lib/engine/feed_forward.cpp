#include "engine/feed_forward.h"

#include <algorithm>

namespace nalar::engine {
namespace {

auto act_mul(Activation activation, const kernels::VectorKernels& vector) {
  switch (activation) {
    case Activation::gelu_tanh:
      return vector.gelu_tanh_mul;
    case Activation::gelu:
      return vector.gelu_mul;
    case Activation::silu:
      break;
  }
  return vector.silu_mul;
}

}  // namespace

FeedForward::FeedForward(const FeedForwardSpec& spec, const LayerWeights& weights,
                         const PackedWeights& packed, const KernelSet& kernels)
    : gate_(weights.gate, weights.gate_bias, packed, kernels),
      up_(weights.up, weights.up_bias, packed, kernels),
      down_(weights.down, weights.down_bias, packed, kernels),
      act_mul_(act_mul(spec.activation, kernels.vector)) {}

void FeedForward::forward(const Worker& w) const {
  Activations& a = w.pass.activations;
  read_input(w, {&gate_, &up_}, w.own_rows(), {w.rows.h, w.pass.n_rows, gate_.in(), gate_.in()});
  gated(w);
  w.barrier();
  read_input(w, {&down_}, w.own_rows(), {a.hidden, w.pass.n_rows, down_.in(), down_.in()});
  down_.multiply(w, a.branch);
  w.barrier();
}

// hidden = activation(gate) * up, in blocks of columns whose up stays in the cache.
void FeedForward::gated(const Worker& w) const {
  float* const hidden = w.pass.activations.hidden;
  const int64_t rows = w.pass.n_rows, d_ff = gate_.out();
  const base::Range own = w.share(d_ff, kernels::kGroupRows);
  const int64_t step = w.scratch.up_floats / rows / kernels::kGroupRows * kernels::kGroupRows;
  for (int64_t begin = own.begin; begin < own.end; begin += step) {
    const int64_t n = std::min(step, own.end - begin);
    gate_.multiply(w, {begin, begin + n}, rows, hidden, d_ff);
    up_.multiply(w, {begin, begin + n}, rows, w.scratch.up - begin, n);
    for (int64_t t = 0; t < rows; ++t) {
      float* const out = hidden + t * d_ff + begin;
      act_mul_(out, w.scratch.up + t * n, n, out);
    }
  }
}

}  // namespace nalar::engine
