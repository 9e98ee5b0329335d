#include "eval/scorer.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "eval/owned_sequence.h"
#include "eval/row_score.h"
#include "eval/shared_heads.h"

namespace nalar::eval {
// A token of a continuation, predicted by a row of a node's logits.
struct Scorer::Target {
  size_t request = 0, row = 0;
  TokenId id = 0;
  double logprob = 0;
  bool greedy = false;
};

// Tokens that are computed once, after those of the parent.
struct Scorer::Node {
  std::span<const TokenId> tokens;
  std::optional<OwnedSequence> sequence;
  std::vector<int32_t> rows;    // whose logits are wanted
  std::vector<Target> targets;  // by row

  // Wants the rows of a request that lie in [begin, begin + tokens.size()) of its input.
  void want(const Request& request, size_t index, size_t begin) {
    const size_t end = begin + tokens.size();
    for (size_t p = std::max(begin, request.first_scored()); p < end; ++p) {
      const auto row = static_cast<int32_t>(p - begin);
      const auto at = std::lower_bound(rows.begin(), rows.end(), row);
      const auto place = static_cast<size_t>(at - rows.begin());
      if (at == rows.end() || *at != row) {
        rows.insert(at, row);
        for (Target& t : targets) t.row += t.row >= place;
      }
      targets.push_back({index, place, request.tokens[p + 1]});
    }
  }
};

struct Scorer::ItemNodes {
  size_t item = 0;
  std::span<const Request> requests;
  std::shared_ptr<Node> head;  // of a run of items
  size_t stem_end = 0;
  Node stem;
  std::vector<Node> branches;  // of each request; without tokens where the stem is all of it
};

struct Scorer::Batch {
  std::vector<std::shared_ptr<Node>> heads;  // that begin in it
  std::vector<ItemNodes> items;
  size_t branch_tokens = 0;
};

// Where gathering stands.
struct Scorer::Cursor {
  std::span<const std::vector<Request>> items;
  std::vector<Run>::const_iterator run;
  size_t next = 0;             // item
  std::shared_ptr<Node> head;  // of the run
};

Scorer::Scorer(const Subject& subject, int batch_tokens)
    : subject_(subject),
      stream_(*subject.engine),
      batch_tokens_(static_cast<size_t>(batch_tokens)) {}

// The items from `next` on whose stems fill a call that has `taken` tokens already, or all of whose
// tokens fill one; and the nodes of heads that begin there.
Scorer::Batch Scorer::gather(Cursor& at, size_t taken) const {
  Batch batch;
  size_t tokens = 0;  // of the batch
  for (; at.next < at.items.size() && tokens < batch_tokens_; ++at.next) {
    const std::span<const Request> requests = at.items[at.next];
    const Run& run = at.next == at.run->end ? at.run[1] : *at.run;
    const size_t stem_end = common_stem(requests), n_stem = stem_end - run.head;
    if (taken > 0 && taken + n_stem > batch_tokens_) break;
    taken += n_stem;
    tokens += n_stem;
    if (at.next == at.run->end) ++at.run;
    if (at.next == run.begin) {
      at.head = std::make_shared<Node>();
      at.head->tokens = input(requests.front()).first(run.head);
      batch.heads.push_back(at.head);
    }
    ItemNodes nodes{.item = at.next,
                    .requests = requests,
                    .head = at.head,
                    .stem_end = stem_end,
                    .stem = {},
                    .branches = std::vector<Node>(requests.size())};
    nodes.stem.tokens = input(requests.front()).subspan(run.head, n_stem);
    for (size_t r = 0; r < requests.size(); ++r) {
      nodes.branches[r].tokens = input(requests[r]).subspan(stem_end);
      nodes.stem.want(requests[r], r, run.head);
      nodes.branches[r].want(requests[r], r, stem_end);
      batch.branch_tokens += nodes.branches[r].tokens.size();
      tokens += nodes.branches[r].tokens.size();
    }
    batch.items.push_back(std::move(nodes));
  }
  return batch;
}

void Scorer::forward(const std::vector<Node*>& nodes) {
  std::vector<Slice> slices;
  std::vector<std::pair<Node*, size_t>> rows;  // of all slices: whose, and which of its rows
  for (Node* node : nodes) {
    slices.push_back({node->sequence->id(), node->tokens, node->rows});
    for (size_t r = 0; r < node->rows.size(); ++r) rows.emplace_back(node, r);
  }
  stream_.forward(slices, [&](int64_t i, std::span<const float> logits) {
    const auto [node, row] = rows[static_cast<size_t>(i)];
    const RowScore score = score_row(logits);
    for (Target& target : node->targets) {
      if (target.row != row) continue;
      target.logprob = logprob(score, logits, target.id);
      target.greedy = score.top == target.id;
    }
  });
}

void Scorer::open_heads(Batch& batch, std::vector<Node*>& nodes) const {
  Engine& engine = *subject_.engine;
  for (const std::shared_ptr<Node>& head : batch.heads) {
    head->sequence.emplace(engine, engine.create(subject_.sequence));
    if (!head->tokens.empty()) nodes.push_back(head.get());
  }
}

void Scorer::open_stems(Batch& batch, std::vector<Node*>& nodes) const {
  Engine& engine = *subject_.engine;
  for (ItemNodes& item : batch.items) {
    const Node& head = *item.head;
    item.stem.sequence.emplace(
        engine, engine.fork(head.sequence->id(), static_cast<int>(head.tokens.size())));
    item.head.reset();
    if (!item.stem.tokens.empty()) nodes.push_back(&item.stem);
  }
  batch.heads.clear();
}

void Scorer::open_branches(Batch& batch, std::vector<Node*>& nodes) const {
  Engine& engine = *subject_.engine;
  for (ItemNodes& item : batch.items) {
    for (Node& branch : item.branches) {
      if (branch.tokens.empty()) continue;
      branch.sequence.emplace(
          engine, engine.fork(item.stem.sequence->id(), static_cast<int>(item.stem_end)));
      nodes.push_back(&branch);
    }
    item.stem.sequence.reset();
  }
}

void Scorer::report(const Batch& batch, const Done& done) {
  std::vector<Score> scores;
  for (const ItemNodes& item : batch.items) {
    scores.assign(item.requests.size(), {});
    const auto add = [&](const Node& node) {
      for (const Target& t : node.targets) {
        scores[t.request].log_likelihood += t.logprob;
        scores[t.request].greedy &= t.greedy;
      }
    };
    add(item.stem);
    for (const Node& branch : item.branches) add(branch);
    more_ = &item != &batch.items.back();
    done(item.item, scores);
  }
}

// What is computed together: the heads of a batch, the stems of the one before it and the branches
// of the one before that.
void Scorer::run(std::span<const std::vector<Request>> items, const Done& done) {
  const std::vector<Run> runs = shared_heads(items);
  Cursor at{items, runs.begin(), 0, nullptr};
  Batch headed, stemmed;
  while (at.next < items.size() || !headed.items.empty() || !stemmed.items.empty()) {
    Batch next = gather(at, headed.branch_tokens);
    std::vector<Node*> nodes;
    open_heads(next, nodes);
    open_stems(headed, nodes);
    open_branches(stemmed, nodes);
    forward(nodes);
    {
      const Batch branched = std::move(stemmed);
      report(branched, done);
    }
    stemmed = std::move(headed);
    headed = std::move(next);
  }
}

}  // namespace nalar::eval
