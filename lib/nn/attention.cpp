#include "nn/attention.h"

#include "nn/cached_attention.h"

namespace nalar::nn {

Attention::Kept Attention::take(Arena& arena, const Ops& ops, int64_t rows) const {
  const auto work = [&](int64_t columns) { return arena.take(rows * columns, ops.work); };
  const auto lora = [&](const Linear& l) { return arena.take(rows * l.rank(), ops.wide); };
  const auto& [q, k, v, o, q_norm, k_norm] = parts_;
  Kept kept;
  kept.q = work(q.out());
  kept.k = work(k.out());
  kept.v = work(v.out());
  if (!q_norm.none()) kept.turned_q = work(q.out()), kept.turned_k = work(k.out());
  kept.attended = work(q.out());
  kept.log_sum = arena.take(rows * spec_.n_heads, ops.wide);
  kept.q_lora = lora(q), kept.k_lora = lora(k), kept.v_lora = lora(v), kept.o_lora = lora(o);
  return kept;
}

Attention::Tensors Attention::tensors(const Kept& kept, int64_t rows) const {
  Tensors t{kept.q.matrix(rows, parts_.q.out()),
            kept.k.matrix(rows, parts_.k.out()),
            kept.v.matrix(rows, parts_.v.out()),
            {},
            {}};
  const bool normed = !parts_.q_norm.none();
  t.turned_q = normed ? kept.turned_q.matrix(rows, parts_.q.out()) : t.q;
  t.turned_k = normed ? kept.turned_k.matrix(rows, parts_.k.out()) : t.k;
  return t;
}

AttentionRows Attention::rows(const Pass& pass, const Tensors& t, const Kept& kept) const {
  const int64_t n = t.q.size(0);
  return {spec_,
          pass.documents,
          t.turned_q,
          t.turned_k,
          t.v,
          kept.attended.matrix(n, parts_.q.out()),
          kept.log_sum.matrix(spec_.n_heads, n)};
}

void Attention::forward(const Pass& pass, const at::Tensor& x, const at::Tensor& y,
                        const Kept& kept) const {
  const Tensors t = tensors(kept, x.size(0));
  parts_.q.forward(pass, x, t.q, kept.q_lora);
  parts_.k.forward(pass, x, t.k, kept.k_lora);
  parts_.v.forward(pass, x, t.v, kept.v_lora);
  parts_.q_norm.forward(pass, t.q, t.turned_q);
  parts_.k_norm.forward(pass, t.k, t.turned_k);
  if (rope_ != nullptr) {
    pass.ops.rope(t.turned_q, *rope_, pass.origins.positions, spec_.head_dim, false);
    pass.ops.rope(t.turned_k, *rope_, pass.origins.positions, spec_.head_dim, false);
  }
  const AttentionRows documents = rows(pass, t, kept);
  pass.caches.empty() ? pass.ops.attention(documents) : cached_attention(pass, documents);
  parts_.o.forward(pass, documents.out, y, kept.o_lora);
}

void Attention::backward(const Pass& pass, const at::Tensor& x, const at::Tensor& dy,
                         const at::Tensor& dx, const Kept& kept) const {
  const int64_t n = x.size(0);
  const Tensors t = tensors(kept, n);
  const AttentionRows documents = rows(pass, t, kept);
  const bool above_only = !dx.defined() && !inputs_trained();
  const at::Tensor d_attended =
      above_only ? at::Tensor() : pass.scratch.d_attended.matrix(n, parts_.q.out());
  parts_.o.backward(pass, documents.out, dy, kept.o_lora, {d_attended});
  if (above_only) return;

  const at::Tensor dq = pass.scratch.dq.matrix(n, parts_.q.out());
  const at::Tensor dk = pass.scratch.dk.matrix(n, parts_.k.out());
  const at::Tensor dv = pass.scratch.dv.matrix(n, parts_.v.out());
  pass.ops.attention_backward(documents, d_attended, dq, dk, dv);
  if (rope_ != nullptr) {
    pass.ops.rope(dq, *rope_, pass.origins.positions, spec_.head_dim, true);
    pass.ops.rope(dk, *rope_, pass.origins.positions, spec_.head_dim, true);
  }
  if (!parts_.q_norm.none()) {
    parts_.q_norm.backward(pass, dq, dq, t.q, false);
    parts_.k_norm.backward(pass, dk, dk, t.k, false);
  }
  parts_.q.backward(pass, x, dq, kept.q_lora, {dx, false});
  parts_.k.backward(pass, x, dk, kept.k_lora, {dx, true});
  parts_.v.backward(pass, x, dv, kept.v_lora, {dx, true});
}

}  // namespace nalar::nn
