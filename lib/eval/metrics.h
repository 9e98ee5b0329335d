#pragma once

#include <nalar/eval.h>

#include <span>
#include <vector>

#include "eval/prompts.h"
#include "eval/task_file.h"

namespace nalar::eval {

// What one item adds to a figure. A mean: a. A ratio (word_perplexity …): Σ a ÷ Σ b. f1: a is the
// right choice, b the model's.
struct Datum {
  double a = 0, b = 1;
};

// A figure of a task: a metric, and for answers the filter they passed.
struct Column {
  const MetricSpec* metric = nullptr;
  const FilterChain* filter = nullptr;  // nullptr: no answers
};
std::vector<Column> columns_of(const TaskFile& task);
std::string_view filter_name(const Column& column);

// Whether a figure is the plain mean of its items' values, which are then 0 or 1.
bool is_mean(MetricKind kind) noexcept;

Datum datum_of(const Column& column, const Item& item, const ItemResult& result);
// The figure of the items that were drawn.
double statistic(const MetricSpec& metric, std::span<const Datum> data,
                 std::span<const int32_t> draws);
// With its error: of a mean or ratio by formula, else by lm-evaluation-harness's bootstrap.
Estimate estimate(const MetricSpec& metric, std::span<const Datum> data);

}  // namespace nalar::eval
