#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nalar::data {

// The order in which an epoch visits n rows: a permutation that is a function of (seed, epoch)
// alone (Fisher-Yates over a counter-based generator); the order of the file where `shuffle` is
// off.
std::vector<int64_t> epoch_order(int64_t n, uint64_t seed, int64_t epoch, bool shuffle);

struct PackOptions {
  int64_t batch_tokens = 0;  // most tokens of a micro-batch; a longer row is alone in one
  int64_t batch_rows = 0;    // rows of an update; 0: as many as the tokens allow
  int64_t accumulate = 1;    // micro-batches of an update, where batch_rows is 0
  bool packing = true;       // off: a row a micro-batch
};

// What one update of the weights works on: micro-batches of row indices.
struct Update {
  std::vector<std::vector<int64_t>> micro_batches;
};

// The updates of an epoch. With batch_rows, an update is that many rows in order, packed first fit
// decreasing into micro-batches of at most batch_tokens; else rows fill micro-batches in order, and
// `accumulate` of them are an update. A function of its arguments: nothing is carried from epoch to
// epoch. The last update may be smaller.
std::vector<Update> plan_epoch(std::span<const int64_t> order, std::span<const int64_t> lengths,
                               const PackOptions& options);

}  // namespace nalar::data
