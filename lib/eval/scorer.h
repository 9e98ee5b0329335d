#pragma once

#include <nalar/eval.h>

#include <functional>
#include <span>
#include <vector>

#include "eval/logit_stream.h"
#include "eval/request.h"

namespace nalar::eval {

struct Score {
  double log_likelihood =
      0;               // of the continuation, nats; not finite where the model gives no number
  bool greedy = true;  // every token of it is the model's first choice
};

// Scores the requests of many items as trees of three levels: what neighbouring items begin with is
// computed once (shared_heads), what the requests of an item share once per item, the rest as
// branches. Logits are made only where they are scored. How items are batched changes no bit of a
// score. Borrows the subject's engine.
class Scorer {
 public:
  Scorer(const Subject& subject, int batch_tokens);

  // `items`: the requests of each. Calls done(i, scores of its requests) in order.
  using Done = std::function<void(size_t, std::span<const Score>)>;
  void run(std::span<const std::vector<Request>> items, const Done& done);

  // Within `done`: scores of more items are there already.
  bool more() const { return more_; }
  int64_t tokens() const { return stream_.tokens(); }

 private:
  struct Target;
  struct Node;
  struct ItemNodes;
  struct Batch;
  struct Cursor;
  Batch gather(Cursor& at, size_t taken) const;
  // Make the sequences of a batch's nodes and add those that have tokens of their own to `nodes`.
  void open_heads(Batch& batch, std::vector<Node*>& nodes) const;
  void open_stems(Batch& batch, std::vector<Node*>& nodes) const;
  void open_branches(Batch& batch, std::vector<Node*>& nodes) const;
  void forward(const std::vector<Node*>& nodes);
  void report(const Batch& batch, const Done& done);

  const Subject& subject_;
  LogitStream stream_;
  size_t batch_tokens_;
  bool more_ = false;
};

}  // namespace nalar::eval
