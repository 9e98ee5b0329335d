#include "eval/scorer.h"

#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "eval/owned_sequence.h"
#include "eval/row_score.h"

namespace nalar::eval {
namespace {

std::span<const TokenId> input(const Request& request) {
  return std::span(request.tokens).first(request.input_size());
}

size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) {
  const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(end - a.begin());
}

// How many input tokens the requests of one item share.
size_t common_stem(std::span<const Request> requests) {
  const auto first = input(requests.front());
  size_t n = first.size();
  for (const Request& r : requests) n = std::min(n, common_prefix(first, input(r)));
  return n;
}

}  // namespace

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
  size_t stem_end = 0;
  Node stem;
  std::vector<Node> branches;  // of each request; without tokens where the stem is all of it
};

size_t common_head(std::span<const std::vector<Request>> items) {
  if (items.empty()) return 0;
  const auto first = input(items.front().front());
  size_t n = first.size();
  for (const auto& requests : items) {
    for (const Request& r : requests) {
      n = std::min({n, r.first_scored(), common_prefix(first, input(r))});
    }
  }
  return n;
}

Scorer::Scorer(const Subject& subject, int batch_tokens)
    : subject_(subject),
      stream_(*subject.engine),
      batch_tokens_(static_cast<size_t>(batch_tokens)) {}

// Takes items from `first` on until their tokens fill a batch; returns the one behind the last.
size_t Scorer::gather(std::span<const std::vector<Request>> items, size_t first, size_t head,
                      std::vector<ItemNodes>& batch) const {
  size_t tokens = 0, i = first;
  for (; i < items.size() && (i == first || tokens < batch_tokens_); ++i) {
    const std::span<const Request> requests = items[i];
    ItemNodes nodes{.item = i,
                    .requests = requests,
                    .stem_end = common_stem(requests),
                    .stem = {},
                    .branches = std::vector<Node>(requests.size())};
    nodes.stem.tokens = input(requests.front()).subspan(head, nodes.stem_end - head);
    tokens += nodes.stem.tokens.size();
    for (size_t r = 0; r < requests.size(); ++r) {
      nodes.branches[r].tokens = input(requests[r]).subspan(nodes.stem_end);
      nodes.stem.want(requests[r], r, head);
      nodes.branches[r].want(requests[r], r, nodes.stem_end);
      tokens += nodes.branches[r].tokens.size();
    }
    batch.push_back(std::move(nodes));
  }
  return i;
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

void Scorer::run_batch(std::vector<ItemNodes>& batch, SequenceId head) {
  Engine& engine = *subject_.engine;
  const int n_head = engine.length(head);
  std::vector<Node*> stems, branches;
  for (ItemNodes& item : batch) {
    item.stem.sequence.emplace(engine, engine.fork(head, n_head));
    if (!item.stem.tokens.empty()) stems.push_back(&item.stem);
  }
  forward(stems);
  for (ItemNodes& item : batch) {
    for (Node& branch : item.branches) {
      if (branch.tokens.empty()) continue;
      branch.sequence.emplace(
          engine, engine.fork(item.stem.sequence->id(), static_cast<int>(item.stem_end)));
      branches.push_back(&branch);
    }
    item.stem.sequence.reset();
  }
  forward(branches);
  for (Node* branch : branches) branch->sequence.reset();
}

void Scorer::run(std::span<const std::vector<Request>> items, size_t head, const Done& done) {
  if (items.empty()) return;
  Engine& engine = *subject_.engine;
  const OwnedSequence trunk(engine, engine.create(subject_.sequence));
  const Slice slice{trunk.id(), input(items.front().front()).first(head), {}};
  if (head > 0) stream_.forward({&slice, 1}, {});
  std::vector<Score> scores;
  for (size_t i = 0; i < items.size();) {
    std::vector<ItemNodes> batch;
    i = gather(items, i, head, batch);
    run_batch(batch, trunk.id());
    for (const ItemNodes& item : batch) {
      scores.assign(item.requests.size(), {});
      const auto add = [&](const Node& node) {
        for (const Target& t : node.targets) {
          scores[t.request].log_likelihood += t.logprob;
          scores[t.request].greedy &= t.greedy;
        }
      };
      add(item.stem);
      for (const Node& branch : item.branches) add(branch);
      for (const Score& s : scores) {
        if (!std::isfinite(s.log_likelihood)) {
          throw Error(ErrorKind::bad_data, "the model gives a continuation no finite likelihood");
        }
      }
      done(item.item, scores);
    }
  }
}

}  // namespace nalar::eval
