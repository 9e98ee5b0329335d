#include "eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8.h"
#include "eval/statistics.h"
#include "eval/text.h"

namespace nalar::eval {
namespace {

constexpr int kBootstraps = 100'000;

double characters(std::string_view text) {
  double n = 0;
  for (size_t at = 0; at < text.size(); ++n) {
    at += static_cast<size_t>(base::decode_utf8(text, at).length);
  }
  return n;
}

// The choice with the highest value of log-likelihood ÷ length; the first of equals.
template <typename Length>
size_t best_choice(const Item& item, const ItemResult& result, const Length& length) {
  size_t best = 0;
  double highest = -INFINITY;
  for (size_t i = 0; i < item.choices.size(); ++i) {
    const double value = result.log_likelihoods[i] / length(item.choices[i]);
    if (value > highest) {
      highest = value;
      best = i;
    }
  }
  return best;
}

bool is_gold(const Item& item, size_t choice) {
  return std::find(item.gold.begin(), item.gold.end(), choice) != item.gold.end();
}

std::string normalised(const MetricSpec& metric, std::string text) {
  for (const PythonRegex& pattern : metric.regexes_to_ignore) text = pattern.remove_all(text);
  if (metric.ignore_case) text = lowered(text);
  const auto drop = [&](unsigned char c) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool punctuation = c > ' ' && c < 0x7F && !digit && !letter;
    return (metric.ignore_numbers && digit) || (metric.ignore_punctuation && punctuation);
  };
  std::erase_if(text, drop);
  return text;
}

bool answered(const Column& column, const Item& item, const ItemResult& result) {
  const std::string answer =
      normalised(*column.metric, column.filter->apply(result.answers.front()));
  return std::any_of(item.targets.begin(), item.targets.end(), [&](const std::string& target) {
    return normalised(*column.metric, target) == answer;
  });
}

Datum choice_datum(const MetricSpec& metric, const Item& item, const ItemResult& result) {
  const auto one = [](const std::string&) { return 1.0; };
  const auto share = [&](bool right) { return Datum{right ? 1.0 : 0.0}; };
  switch (metric.kind) {
    case MetricKind::acc_norm:
      return share(is_gold(item, best_choice(item, result, characters)));
    case MetricKind::acc_bytes:
      return share(is_gold(item, best_choice(item, result, [](const std::string& c) {
                             return static_cast<double>(c.size());
                           })));
    case MetricKind::exact_match:
      return share(std::any_of(item.gold.begin(), item.gold.end(),
                               [&](size_t g) { return result.greedy[g]; }));
    case MetricKind::f1:
      return {static_cast<double>(item.gold.front()),
              static_cast<double>(best_choice(item, result, one))};
    default:
      return share(is_gold(item, best_choice(item, result, one)));
  }
}

// 2 · hits ÷ (right ones + chosen ones) of class 1, or its mean over the classes that occur.
double f1(const MetricSpec& metric, std::span<const Datum> data, std::span<const int32_t> draws) {
  double last = 1;
  for (const Datum& d : data) last = std::max({last, d.a, d.b});
  std::vector<double> hits(static_cast<size_t>(last) + 1), both(hits.size());
  for (const int32_t d : draws) {
    const auto gold = static_cast<size_t>(data[static_cast<size_t>(d)].a);
    const auto chosen = static_cast<size_t>(data[static_cast<size_t>(d)].b);
    hits[gold] += gold == chosen;
    ++both[gold];
    ++both[chosen];
  }
  const auto of = [&](size_t c) { return both[c] > 0 ? 2 * hits[c] / both[c] : 0; };
  if (!metric.macro) return of(1);
  double sum = 0, n = 0;
  for (size_t c = 0; c < both.size(); ++c) {
    sum += of(c);
    n += both[c] > 0;
  }
  return sum / n;
}

}  // namespace

bool is_mean(MetricKind kind) noexcept { return kind <= MetricKind::exact_match; }

std::string_view filter_name(const Column& column) {
  return column.filter == nullptr ? std::string_view("none") : column.filter->name;
}

std::vector<Column> columns_of(const TaskFile& task) {
  std::vector<Column> out;
  const bool answers = task.output_type == OutputType::generate_until;
  for (const FilterChain& filter : task.filters) {
    for (const MetricSpec& metric : task.metrics) {
      out.push_back({&metric, answers ? &filter : nullptr});
    }
    if (!answers) break;
  }
  return out;
}

Datum datum_of(const Column& column, const Item& item, const ItemResult& result) {
  const MetricSpec& metric = *column.metric;
  if (column.filter != nullptr) return {answered(column, item, result) ? 1.0 : 0.0};
  if (!item.choices.empty()) return choice_datum(metric, item, result);
  const double log_likelihood = result.log_likelihoods.front();
  switch (metric.kind) {
    case MetricKind::perplexity:
      return {log_likelihood};
    case MetricKind::word_perplexity:
      return {log_likelihood, static_cast<double>(count_words(item.targets.front()))};
    case MetricKind::byte_perplexity:
    case MetricKind::bits_per_byte:
      return {log_likelihood, static_cast<double>(item.targets.front().size())};
    default:
      return {result.greedy.front() ? 1.0 : 0.0};
  }
}

double statistic(const MetricSpec& metric, std::span<const Datum> data,
                 std::span<const int32_t> draws) {
  if (metric.kind == MetricKind::f1) return f1(metric, data, draws);
  double a = 0, b = 0;
  for (const int32_t d : draws) {
    a += data[static_cast<size_t>(d)].a;
    b += data[static_cast<size_t>(d)].b;
  }
  switch (metric.kind) {
    case MetricKind::perplexity:
    case MetricKind::word_perplexity:
    case MetricKind::byte_perplexity:
      return std::exp(-a / b);
    case MetricKind::bits_per_byte:
      return -a / b / std::log(2.0);
    default:
      return a / b;
  }
}

Estimate estimate(const MetricSpec& metric, std::span<const Datum> data) {
  std::vector<int32_t> all(data.size());
  std::iota(all.begin(), all.end(), 0);
  const double value = statistic(metric, data, all);
  if (is_mean(metric.kind)) {
    std::vector<double> values;
    for (const Datum& d : data) values.push_back(d.a);
    return {value, mean_of(values).error};
  }
  if (metric.kind == MetricKind::f1 || metric.kind == MetricKind::perplexity) {
    return {value, bootstrap_error(static_cast<int64_t>(data.size()), kBootstraps,
                                   [&](auto draws) { return statistic(metric, data, draws); })};
  }
  std::vector<Pair> pairs;
  for (const Datum& d : data) pairs.push_back({d.a, d.b});
  const double error = ratio_of(pairs).error;
  if (metric.kind == MetricKind::bits_per_byte) return {value, error / std::log(2.0)};
  return {value, value * error};
}

}  // namespace nalar::eval
