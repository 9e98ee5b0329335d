#include <nalar/eval.h>

#include <algorithm>
#include <cmath>

#include "eval/metrics.h"
#include "eval/statistics.h"
#include "eval/task_impl.h"

namespace nalar {
namespace {

using namespace eval;

constexpr double kSignificant = 0.05;
constexpr int kBootstraps = 10'000;

Verdict verdict(const PairedResult& result, bool higher_is_better) {
  if (!(result.p < kSignificant)) return Verdict::no_difference;
  return (result.difference.value > 0) == higher_is_better ? Verdict::better : Verdict::worse;
}

std::vector<Datum> data_of(const Task& task, const Column& column, const TaskResult& result) {
  std::vector<Datum> data;
  for (size_t i = 0; i < result.items.size(); ++i) {
    data.push_back(datum_of(column, task.impl().items[i], result.items[i]));
  }
  return data;
}

void compare_means(std::span<const Datum> model, std::span<const Datum> other,
                   PairedResult& result) {
  std::vector<double> differences;
  int64_t only_model = 0, only_other = 0;
  for (size_t i = 0; i < model.size(); ++i) {
    differences.push_back(model[i].a - other[i].a);
    only_model += differences.back() > 0;
    only_other += differences.back() < 0;
  }
  result.difference = mean_of(differences);
  result.p = mcnemar_p(only_model, only_other);
  result.test = "exact McNemar";
}

void compare_by_bootstrap(const MetricSpec& metric, std::span<const Datum> model,
                          std::span<const Datum> other, PairedResult& result) {
  const double difference = result.model.value - result.other.value;
  const double error = bootstrap_error(
      static_cast<int64_t>(model.size()), kBootstraps, [&](std::span<const int32_t> draws) {
        return statistic(metric, model, draws) - statistic(metric, other, draws);
      });
  result.difference = {difference, error};
  result.p = difference_p(result.difference, normal_p);
  result.test = "bootstrap";
}

}  // namespace

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::better:
      return "better";
    case Verdict::worse:
      return "worse";
    case Verdict::no_difference:
      return "no difference shown";
  }
  return "?";
}

std::vector<PairedResult> compare_results(const Task& task, const TaskResult& model,
                                          const TaskResult& other) {
  std::vector<PairedResult> out;
  const std::vector<Column> columns = columns_of(task.impl().file);
  for (size_t c = 0; c < columns.size(); ++c) {
    const MetricSpec& metric = *columns[c].metric;
    PairedResult& result = out.emplace_back();
    result.metric = model.metrics[c].name;
    result.filter = model.metrics[c].filter;
    result.model = model.metrics[c].estimate;
    result.other = other.metrics[c].estimate;
    const std::vector<Datum> ours = data_of(task, columns[c], model);
    const std::vector<Datum> theirs = data_of(task, columns[c], other);
    if (is_mean(metric.kind)) {
      compare_means(ours, theirs, result);
    } else {
      compare_by_bootstrap(metric, ours, theirs, result);
    }
    result.verdict = verdict(result, metric.higher_is_better);
  }
  return out;
}

PairedResult compare_texts(const ReferenceResult& text) {
  PairedResult result;
  result.metric = "nats a token";
  result.filter = "none";
  result.model = text.text.nll;
  result.other = text.reference.nll;
  result.difference = text.log_ratio;
  const auto degrees = static_cast<double>(text.text.scored - 1);
  result.p = difference_p(result.difference, [&](double t) { return student_p(t, degrees); });
  result.test = "paired t";
  result.verdict = verdict(result, false);
  return result;
}

}  // namespace nalar
