#pragma once

#include <nalar/eval.h>

#include <functional>
#include <span>
#include <vector>

#include "eval/logit_stream.h"
#include "eval/request.h"

namespace nalar::eval {

struct Score {
  double log_likelihood = 0;  // of the continuation, nats
  bool greedy = true;         // every token of it is the model's first choice
};

// Scores the requests of many items as a tree of three levels: what all requests begin with is
// computed once, what those of an item share once per item, the rest as branches. Logits are made
// only where they are scored. How items are batched changes no bit of a score. Borrows the
// subject's engine.
class Scorer {
 public:
  Scorer(const Subject& subject, int batch_tokens);

  // `items`: the requests of each. Calls done(i, scores of its requests) in order. `head`: how many
  // tokens all requests have in common, from common_head.
  using Done = std::function<void(size_t, std::span<const Score>)>;
  void run(std::span<const std::vector<Request>> items, size_t head, const Done& done);

  int64_t tokens() const { return stream_.tokens(); }

 private:
  struct Target;
  struct Node;
  struct ItemNodes;
  size_t gather(std::span<const std::vector<Request>> items, size_t first, size_t head,
                std::vector<ItemNodes>& batch) const;
  void forward(const std::vector<Node*>& nodes);
  void run_batch(std::vector<ItemNodes>& batch, SequenceId head);

  const Subject& subject_;
  LogitStream stream_;
  size_t batch_tokens_;
};

// What all requests begin with, up to the first position that is scored in any of them.
size_t common_head(std::span<const std::vector<Request>> items);

}  // namespace nalar::eval
