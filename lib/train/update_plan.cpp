#include "train/update_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8.h"
#include "data/data_file.h"

namespace nalar::train {
namespace {

constexpr int64_t kDefaultRows = 8;
constexpr int64_t kDefaultTokens = 2048;
constexpr size_t kMostPlaces = 20;  // lines named in a message

int64_t length(const data::Example& example) { return static_cast<int64_t>(example.ids.size()); }

std::vector<int64_t> lengths_of(const Rows& rows) {
  std::vector<int64_t> lengths;
  for (const data::Example& example : rows.examples) lengths.push_back(length(example));
  return lengths;
}

}  // namespace

std::string Rows::places(std::span<const int64_t> indices) const {
  std::vector<std::pair<int32_t, int64_t>> lines;
  for (const int64_t i : indices) {
    const data::Example& example = examples[static_cast<size_t>(i)];
    lines.emplace_back(example.file, example.line);
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (size_t i = 0; i < std::min(lines.size(), kMostPlaces); ++i) {
    const auto [file, line] = lines[i];
    if (i == 0 || file != lines[i - 1].first) {
      const std::string& path = paths[static_cast<size_t>(file)];
      text += fmt::format("{}{}: {} {}", i == 0 ? "" : "; ", base::escaped(path),
                          data::row_word(path), line);
    } else {
      text += fmt::format(", {}", line);
    }
  }
  if (lines.size() > kMostPlaces) text += fmt::format(", and {} more", lines.size() - kMostPlaces);
  return text;
}

Batch make_batch(const Rows& rows, std::span<const int64_t> indices) {
  Batch batch;
  for (const int64_t i : indices) {
    const data::Example& example = rows.examples[static_cast<size_t>(i)];
    const auto first = static_cast<int32_t>(batch.ids.size());
    batch.documents.push_back(first);
    batch.keys.push_back(i);
    for (size_t t = 1; t < example.ids.size(); ++t) {
      if (example.learned[t] == 0) continue;
      batch.learned.push_back(first + static_cast<int32_t>(t) - 1);
      batch.labels.push_back(example.ids[t]);
    }
    batch.ids.insert(batch.ids.end(), example.ids.begin(), example.ids.end());
  }
  batch.documents.push_back(static_cast<int32_t>(batch.ids.size()));
  return batch;
}

int64_t tokens(const Rows& rows, std::span<const int64_t> indices) {
  int64_t n = 0;
  for (const int64_t i : indices) n += length(rows.examples[static_cast<size_t>(i)]);
  return n;
}

int64_t learned_tokens(const Rows& rows, std::span<const int64_t> indices) {
  int64_t n = 0;
  for (const int64_t i : indices) n += rows.examples[static_cast<size_t>(i)].n_learned();
  return n;
}

std::vector<std::vector<int64_t>> evaluation_batches(const Rows& rows, int64_t batch_tokens,
                                                     bool packing) {
  std::vector<int64_t> order(rows.examples.size());
  std::iota(order.begin(), order.end(), 0);
  const std::vector<data::Update> updates =
      data::plan_epoch(order, lengths_of(rows), {.batch_tokens = batch_tokens, .packing = packing});
  std::vector<std::vector<int64_t>> batches;
  for (const data::Update& update : updates) {
    batches.insert(batches.end(), update.micro_batches.begin(), update.micro_batches.end());
  }
  return batches;
}

data::PackOptions pack_options(const FinetuneOptions& options, const Rows& rows) {
  data::PackOptions pack{.batch_tokens = options.batch_tokens,
                         .batch_rows = options.batch_rows,
                         .accumulate = options.accumulate,
                         .packing = options.packing};
  const bool nothing_given =
      options.batch_tokens == 0 && options.batch_rows == 0 && options.accumulate == 1;
  if (nothing_given) pack.batch_rows = kDefaultRows;
  if (pack.batch_tokens == 0) {
    pack.batch_tokens = kDefaultTokens;
    for (const data::Example& e : rows.examples) {
      pack.batch_tokens = std::max(pack.batch_tokens, length(e));
    }
  }
  return pack;
}

UpdatePlan::UpdatePlan(const Rows& rows, const FinetuneOptions& options,
                       const data::PackOptions& pack)
    : lengths_(lengths_of(rows)), pack_(pack), seed_(options.seed), shuffle_(options.shuffle) {
  updates_ = options.steps;
  if (updates_ == 0) {
    const auto whole = static_cast<int64_t>(options.epochs);
    for (int64_t epoch = 0; epoch < whole; ++epoch) updates_ += updates_of(epoch);
    const double rest = options.epochs - static_cast<double>(whole);
    if (rest > 0) {
      updates_ += static_cast<int64_t>(std::ceil(rest * static_cast<double>(updates_of(whole))));
    }
  }
  std::vector<int64_t> sorted = lengths_;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  if (!pack_.packing) {
    sorted.resize(1);
  } else if (pack_.batch_rows > 0) {
    sorted.resize(std::min(sorted.size(), static_cast<size_t>(pack_.batch_rows)));
  }
  const int64_t most = std::accumulate(sorted.begin(), sorted.end(), int64_t{0});
  largest_batch_ = std::max(sorted.front(), std::min(most, pack_.batch_tokens));
}

int64_t UpdatePlan::updates_of(int64_t epoch) {
  if (pack_.batch_rows > 0) {
    const auto rows = static_cast<int64_t>(lengths_.size());
    return (rows + pack_.batch_rows - 1) / pack_.batch_rows;
  }
  plan(epoch);
  return static_cast<int64_t>(epoch_.size());
}

const data::Update& UpdatePlan::update(int64_t epoch, int64_t index) {
  plan(epoch);
  return epoch_[static_cast<size_t>(index)];
}

void UpdatePlan::plan(int64_t epoch) {
  if (planned_ == epoch) return;
  const auto order =
      data::epoch_order(static_cast<int64_t>(lengths_.size()), seed_, epoch, shuffle_);
  epoch_ = data::plan_epoch(order, lengths_, pack_);
  planned_ = epoch;
}

}  // namespace nalar::train
