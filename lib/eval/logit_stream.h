#pragma once

#include <nalar/engine.h>

#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace nalar::eval {

// Runs slices through an engine and shows the logits that they ask for, in bounded memory: they are
// cut into calls so that no more than a few rows of the vocabulary lie in it at a time. Borrows the
// engine.
class LogitStream {
 public:
  explicit LogitStream(Engine& engine);

  // visit(i, logits [V]) for the i-th row of all slices, on several threads at once, in no order.
  // It must not throw.
  using Visit = std::function<void(int64_t, std::span<const float>)>;
  void forward(std::span<const Slice> slices, const Visit& visit);

  Engine& engine() const { return engine_; }
  int64_t tokens() const { return tokens_; }  // computed so far

 private:
  struct Call;
  void flush(Call& call, const Visit& visit);

  Engine& engine_;
  base::ThreadPool pool_;
  int64_t max_rows_;
  int64_t tokens_ = 0;
  std::vector<float> logits_;  // [rows, V]
};

}  // namespace nalar::eval
