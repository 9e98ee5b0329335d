#pragma once

#include <nalar/engine.h>

#include <atomic>
#include <exception>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "engine/activations.h"

namespace nalar::engine {

// Rows of a pass that belong to one sequence: neighbours, at neighbouring positions.
struct Part {
  int64_t row = 0;
  int64_t n_rows = 0;
  int32_t position = 0;                // of the first row
  std::byte* const* blocks = nullptr;  // KV blocks of the sequence
  int64_t q_row = 0;  // where q of the first row lies; row, but for a pass that keeps some rows
};

// What one walk through the layers works on: T rows (tokens), of one or more sequences.
struct Pass {
  Pass(base::ThreadPool& threads, Activations& arena, int n_layers);

  base::ThreadPool& pool;
  Activations& activations;
  int64_t n_rows = 0;
  std::vector<TokenId> tokens;  // [T]
  std::vector<Part> parts;
  std::vector<int64_t> logit_rows;  // rising
  MatrixView<float> logits;         // a row for each of logit_rows
  bool adapted = false;             // with the engine's adapters
  LinearObserver* observer = nullptr;
  std::exception_ptr observer_error;
  // The next unit of work of each layer's attention.
  std::unique_ptr<std::atomic<int32_t>[]> next_unit;

  // Empties it for another walk.
  void clear();
  void add(const Part& part, std::span<const TokenId> part_tokens);
  // Makes this the pass over the logit rows of `all` alone: what is left to do after the last
  // layer's keys and values are stored.
  void keep_logit_rows(const Pass& all);

 private:
  int n_layers_;
};

// One thread's view of a pass. Work on whole rows (norms, quantization) is split over the threads
// and then waited for; where the rows are too few for that, every thread does all of it in memory
// of its own.
class Worker {
 public:
  Worker(Pass& p, int t);

  Pass& pass;
  const int thread;
  const int threads;
  const bool shared;       // rows are split, and x, h and inputs are the pass's own
  Activations::Rows rows;  // x, h, inputs
  Activations::Scratch scratch;

  // Rows that this thread computes.
  base::Range own_rows() const { return own_rows(pass.n_rows); }
  base::Range own_rows(int64_t n) const {
    return shared ? share(n, pass.activations.tile()) : base::Range{0, n};
  }
  base::Range share(int64_t n, int64_t unit) const { return base::share(n, thread, threads, unit); }
  void barrier() const { pass.pool.barrier(); }
  // After work on own_rows() that other threads read.
  void rows_ready() const {
    if (shared) barrier();
  }
  // Goes on with the pass over the logit rows: x of those rows alone.
  Worker keep(Pass& kept) const;
};

}  // namespace nalar::engine
