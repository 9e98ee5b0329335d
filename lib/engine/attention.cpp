#include "engine/attention.h"

#include <algorithm>

namespace nalar::engine {

using kernels::kKvPage;

Attention::Attention(int layer, const AttentionSpec& spec, const LayerWeights& weights,
                     const Parts& parts)
    : layer_(layer),
      spec_(spec),
      group_(spec.n_heads / spec.n_kv_heads),
      vector_(parts.kernels.vector),
      layout_(parts.kv_layout),
      q_(weights.q, weights.q_bias, parts.packed, parts.kernels),
      k_(weights.k, weights.k_bias, parts.packed, parts.kernels),
      v_(weights.v, weights.v_bias, parts.packed, parts.kernels),
      o_(weights.o, weights.o_bias, parts.packed, parts.kernels),
      q_norm_(spec.qk_norm, weights.q_norm, parts.kernels),
      k_norm_(spec.qk_norm, weights.k_norm, parts.kernels),
      rope_(parts.ropes.index(layer) < 0 ? nullptr : &parts.ropes[parts.ropes.index(layer)]),
      rope_index_(parts.ropes.index(layer)) {}

// Norm and rope of q and k, then k and v into the pages: split by rows or, where they are few, by
// heads.
void Attention::store(const Worker& w) const {
  project(w);
  w.barrier();
  if (w.shared) {
    store_rows(w, w.own_rows(), {0, spec_.n_heads}, {0, spec_.n_kv_heads});
  } else {
    store_rows(w, w.own_rows(), w.share(spec_.n_heads, 1), w.share(spec_.n_kv_heads, 1));
  }
  w.barrier();
}

void Attention::attend(const Worker& w) const {
  Activations& a = w.pass.activations;
  attend_units(w);
  w.barrier();
  read_input(w, {&o_}, w.own_rows(), {a.attended, w.pass.n_rows, o_.in(), o_.in()});
  o_.multiply(w, a.branch);
  w.barrier();
}

void Attention::project(const Worker& w) const {
  Activations& a = w.pass.activations;
  read_input(w, {&q_, &k_, &v_}, w.own_rows(), {w.rows.h, w.pass.n_rows, q_.in(), q_.in()});
  q_.multiply(w, a.q);
  k_.multiply(w, a.k);
  v_.multiply(w, a.v);
}

void Attention::store_rows(const Worker& w, base::Range rows, base::Range q_heads,
                           base::Range kv_heads) const {
  const Activations& a = w.pass.activations;
  const int head_dim = spec_.head_dim;
  const auto prepare = [&](float* x, base::Range heads, const Norm& norm, const float* cos) {
    x += heads.begin * head_dim;
    const auto n = static_cast<int>(heads.end - heads.begin);
    for (int i = 0; i < n && !norm.none(); ++i) norm.apply(x + i * head_dim, x + i * head_dim);
    if (rope_ != nullptr) rope_->rotate(x, n, head_dim, cos, cos + rope_->half());
  };
  for (const Part& part : w.pass.parts) {
    const int64_t begin = std::max(rows.begin, part.row);
    const int64_t end = std::min(rows.end, part.row + part.n_rows);
    for (int64_t t = begin; t < end; ++t) {
      const float* const cos = rope_ == nullptr ? nullptr : a.rope(rope_index_, t);
      float* const k = a.k + t * k_.out();
      const float* const v = a.v + t * v_.out();
      prepare(a.q + t * q_.out(), q_heads, q_norm_, cos);
      prepare(k, kv_heads, k_norm_, cos);
      const auto position = static_cast<int>(part.position + (t - part.row));
      std::byte* const block = part.blocks[position / kKvPage];
      for (auto head = static_cast<int>(kv_heads.begin); head < kv_heads.end; ++head) {
        vector_.store_kv(layout_.type(), k + head * head_dim, v + head * head_dim, head_dim,
                         position % kKvPage, block + layout_.k_offset(layer_, head),
                         block + layout_.v_offset(layer_, head));
      }
    }
  }
}

// Some rows of one part, and some query heads of one kv head.
struct Attention::Unit {
  const Part* part;
  int64_t row, n_rows;  // within the part
  int kv_head;
  int head, n_heads;  // within the group
};

void Attention::attend_units(const Worker& w) const {
  constexpr int kRows = Activations::kAttentionRows;
  const int heads = std::min(group_, kRows);
  const int64_t rows = kRows / heads;
  int64_t blocks = 0;
  for (const Part& part : w.pass.parts) blocks += (part.n_rows + rows - 1) / rows;
  // With too few blocks for the threads the heads of a group are split as well.
  const int64_t wanted = (w.threads + blocks * spec_.n_kv_heads - 1) / (blocks * spec_.n_kv_heads);
  const auto pieces = static_cast<int>(
      std::clamp<int64_t>(std::max<int64_t>(wanted, (group_ + heads - 1) / heads), 1, group_));

  std::atomic<int32_t>& next = w.pass.next_unit[static_cast<size_t>(layer_)];
  const int64_t of_block = int64_t{spec_.n_kv_heads} * pieces;
  const Part* part = w.pass.parts.data();
  int64_t before = 0;  // units of earlier parts
  for (int64_t unit; (unit = next.fetch_add(1)) < blocks * of_block;) {
    int64_t of_part;
    while (of_part = (part->n_rows + rows - 1) / rows * of_block, unit - before >= of_part) {
      before += of_part;
      ++part;
    }
    // The last rows see most keys: they go first.
    const int64_t at = of_part - 1 - (unit - before);
    const int64_t row = at / of_block * rows;
    const auto piece = static_cast<int>(at % pieces);
    const int head = group_ * piece / pieces;
    attend_unit(
        w, {part, row, std::min(rows, part->n_rows - row), static_cast<int>(at % of_block / pieces),
            head, group_ * (piece + 1) / pieces - head});
  }
}

void Attention::attend_unit(const Worker& w, const Unit& unit) const {
  constexpr int kRows = Activations::kAttentionRows;
  const Activations& a = w.pass.activations;
  int32_t positions[kRows];
  const float* q[kRows];
  float* out[kRows];
  int n = 0;
  for (int64_t i = 0; i < unit.n_rows; ++i) {
    const int64_t row = unit.row + i;
    const float* const q_row = a.q + (unit.part->q_row + row) * q_.out();
    float* const out_row = a.attended + (unit.part->row + row) * q_.out();
    for (int h = 0; h < unit.n_heads; ++h, ++n) {
      const int64_t head = int64_t{unit.kv_head} * group_ + unit.head + h;
      positions[n] = unit.part->position + static_cast<int32_t>(row);
      q[n] = q_row + head * spec_.head_dim;
      out[n] = out_row + head * spec_.head_dim;
    }
  }
  kernels::AttentionCall call;
  call.type = layout_.type();
  call.head_dim = spec_.head_dim;
  call.scale = spec_.scale;
  call.softcap = spec_.softcap;
  call.window = spec_.window;
  call.blocks = unit.part->blocks;
  call.k_offset = layout_.k_offset(layer_, unit.kv_head);
  call.v_offset = layout_.v_offset(layer_, unit.kv_head);
  call.n_rows = n;
  call.positions = positions;
  call.q = q;
  call.out = out;
  call.scratch = w.scratch.attention;
  vector_.attention(call);
}

}  // namespace nalar::engine
