#pragma once

#include <nalar/dataset.h>
#include <nalar/finetune.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/example.h"
#include "data/packer.h"
#include "train/trainable_model.h"

namespace nalar::train {

// Rows that are trained on, or held back to evaluate. Borrows them.
struct Rows {
  std::span<const data::Example> examples;
  std::span<const std::string> paths;  // of their files

  int64_t size() const { return static_cast<int64_t>(examples.size()); }
  // "FILE: line 3, 17; FILE.json: row 2" for these of them, file by file.
  std::string places(std::span<const int64_t> indices) const;
};

// Documents one after the other; a document's key is its index.
Batch make_batch(const Rows& rows, std::span<const int64_t> indices);
int64_t tokens(const Rows& rows, std::span<const int64_t> indices);
int64_t learned_tokens(const Rows& rows, std::span<const int64_t> indices);
// The rows in their order, in batches of at most `batch_tokens`: what an evaluation works on.
std::vector<std::vector<int64_t>> evaluation_batches(const Rows& rows, int64_t batch_tokens,
                                                     bool packing);

// How the rows become batches: the options' values, or the defaults: 8 rows an update, at least
// 2048 tokens (and the longest row) in a micro-batch.
data::PackOptions pack_options(const FinetuneOptions& options, const Rows& rows);

// The updates of a whole training: those of epoch after epoch, each a function of (seed, epoch).
class UpdatePlan {
 public:
  UpdatePlan(const Rows& rows, const FinetuneOptions& options, const data::PackOptions& pack);

  int64_t updates() const { return updates_; }  // of the training
  int64_t updates_of(int64_t epoch);
  // REQUIRES index < updates_of(epoch). Valid until another epoch is asked for.
  const data::Update& update(int64_t epoch, int64_t index);
  // The tokens of the largest micro-batch that can come.
  int64_t largest_batch() const { return largest_batch_; }

 private:
  void plan(int64_t epoch);

  std::vector<int64_t> lengths_;
  data::PackOptions pack_;
  uint64_t seed_;
  bool shuffle_;
  int64_t updates_ = 0;
  int64_t largest_batch_ = 0;
  int64_t planned_ = -1;  // the epoch that epoch_ is of
  std::vector<data::Update> epoch_;
};

}  // namespace nalar::train
