#include "engine/pass.h"

#include <algorithm>
#include <utility>

namespace nalar::engine {

Pass::Pass(base::ThreadPool& threads, Activations& arena, int n_layers)
    : pool(threads),
      activations(arena),
      next_unit(std::make_unique<std::atomic<int32_t>[]>(static_cast<size_t>(n_layers))),
      n_layers_(n_layers) {}

void Pass::clear() {
  n_rows = 0;
  tokens.clear();
  parts.clear();
  logit_rows.clear();
  for (int i = 0; i < n_layers_; ++i) next_unit[static_cast<size_t>(i)] = 0;
}

void Pass::add(const Part& part, std::span<const TokenId> part_tokens) {
  parts.push_back(part);
  tokens.insert(tokens.end(), part_tokens.begin(), part_tokens.end());
  n_rows += part.n_rows;
}

void Pass::keep_logit_rows(const Pass& all) {
  clear();
  logits = all.logits;
  adapted = all.adapted;
  size_t i = 0;
  for (const Part& part : all.parts) {
    for (; i < all.logit_rows.size() && all.logit_rows[i] < part.row + part.n_rows; ++i) {
      const int64_t row = all.logit_rows[i];
      const bool goes_on = !parts.empty() && parts.back().blocks == part.blocks &&
                           parts.back().q_row + parts.back().n_rows == row;
      if (goes_on) {
        ++parts.back().n_rows;
      } else {
        const auto position = static_cast<int32_t>(part.position + (row - part.row));
        parts.push_back({n_rows, 1, position, part.blocks, row});
      }
      logit_rows.push_back(n_rows++);
    }
  }
}

Worker::Worker(Pass& p, int t)
    : pass(p),
      thread(t),
      threads(p.pool.size()),
      shared(p.n_rows > p.activations.tile()),
      rows(shared ? p.activations.shared_rows() : p.activations.own_rows(t)),
      scratch(p.activations.scratch(t)) {}

Worker Worker::keep(Pass& kept) const {
  Worker next(kept, thread);
  // A row never moves up, so that within one buffer rows move in order; in the shared one the other
  // threads still read them, and h is free.
  if (shared && next.shared) std::swap(next.rows.x, next.rows.h);
  const base::Range own = next.own_rows();
  const int64_t width = pass.activations.widths().model;
  for (int64_t i = own.begin; i < own.end; ++i) {
    const float* const from = rows.x + pass.logit_rows[static_cast<size_t>(i)] * width;
    float* const to = next.rows.x + i * width;
    if (from != to) std::copy_n(from, width, to);
  }
  return next;
}

}  // namespace nalar::engine
