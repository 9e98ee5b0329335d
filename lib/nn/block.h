#pragma once

#include "nn/attention.h"
#include "nn/feed_forward.h"

namespace nalar::nn {

// out = x + post(inner(pre(x)))
template <typename Inner>
class Residual {
 public:
  struct Kept {
    typename Inner::Kept inner;
    Buffer branch;  // [T, D] what `post` reads, where there is one
  };

  Residual(Norm pre, Inner inner, Norm post)
      : pre_(std::move(pre)), inner_(std::move(inner)), post_(std::move(post)) {}

  const Inner& inner() const { return inner_; }
  bool trained() const { return pre_.trained() || inner_.trained() || post_.trained(); }
  Kept take(Arena& arena, const Ops& ops, int64_t rows, int64_t d_model) const {
    return {inner_.take(arena, ops, rows),
            post_.none() ? Buffer() : arena.take(rows * d_model, ops.work)};
  }

  // out undefined: only makes what is kept.
  void forward(const Pass& pass, const at::Tensor& x, const at::Tensor& out,
               const Kept& kept) const {
    const int64_t n = x.size(0), d_model = x.size(1);
    const at::Tensor normed = pass.scratch.normed.matrix(n, d_model);
    at::Tensor branch;
    if (!post_.none()) {
      branch = kept.branch.matrix(n, d_model);
    } else if (out.defined()) {
      branch = pass.scratch.branch.matrix(n, d_model);
    }
    inner_.forward(pass, pre_.forward(pass, x, normed), branch, kept.inner);
    if (out.defined()) pass.ops.add(out, x, post_.forward(pass, branch, normed));
  }

  // dx: the gradient of out becomes that of x, if something below needs it.
  void backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dx, const Kept& kept,
                bool below) const {
    if (!below && !trained()) return;
    const int64_t n = x.size(0), d_model = x.size(1);
    at::Tensor d_branch = pass.scratch.d_branch.matrix(n, d_model);
    if (post_.none()) {
      d_branch = pass.ops.to_work(dx, d_branch);
    } else {
      post_.backward(pass, d_branch, dx, kept.branch.matrix(n, d_model), false);
    }
    const at::Tensor normed = pre_.forward(pass, x, pass.scratch.normed.matrix(n, d_model));
    const bool needed = below || pre_.trained();
    const at::Tensor d_normed = needed ? pass.scratch.d_normed.matrix(n, d_model) : at::Tensor();
    inner_.backward(pass, normed, d_branch, d_normed, kept.inner);
    if (needed) pre_.backward(pass, dx, d_normed, x, true);
  }

 private:
  Norm pre_;
  Inner inner_;
  Norm post_;
};

// A layer: attention, then the feed-forward part.
struct Block {
  struct Kept {
    Residual<Attention>::Kept attention;
    Residual<FeedForward>::Kept feed_forward;
    Buffer middle;  // [T, D] between them
  };

  Residual<Attention> attention;
  Residual<FeedForward> feed_forward;

  bool trained() const { return attention.trained() || feed_forward.trained(); }
  Kept take(Arena& arena, const Ops& ops, int64_t rows, int64_t d_model) const {
    return {attention.take(arena, ops, rows, d_model), feed_forward.take(arena, ops, rows, d_model),
            arena.take(rows * d_model, ops.wide)};
  }

  void forward(const Pass& pass, const at::Tensor& x, const at::Tensor& out,
               const Kept& kept) const {
    const at::Tensor middle = kept.middle.matrix(x.size(0), x.size(1));
    attention.forward(pass, x, middle, kept.attention);
    feed_forward.forward(pass, middle, out, kept.feed_forward);
  }
  void backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dx, const Kept& kept,
                bool below) const {
    const at::Tensor middle = kept.middle.matrix(x.size(0), x.size(1));
    feed_forward.backward(pass, middle, dx, kept.feed_forward, below || attention.trained());
    attention.backward(pass, x, dx, kept.attention, below);
  }
};

}  // namespace nalar::nn
