#include "eval_report.h"

#include <fmt/format.h>
#include <nalar/terminal_text.h>

#include <algorithm>
#include <cctype>

#include "figures.h"

namespace nalar::apps {
namespace {

std::string p_value(double p) { return p < 0.0001 ? "< 0.0001" : fmt::format("{:.4f}", p); }

Json metric_json(const MetricResult& m) {
  return Json::Object{{"metric", m.name},
                      {"filter", m.filter},
                      {"value", m.estimate.value},
                      {"error", m.estimate.error},
                      {"higher_is_better", m.higher_is_better}};
}

Json text_json(const TextResult& r) {
  Json json = Json::Object{{"convention", name(r.options.convention)},
                           {"window", r.options.window},
                           {"stride", r.options.stride > 0 ? Json(r.options.stride) : Json()},
                           {"bytes", r.bytes},
                           {"words", r.words},
                           {"tokens", r.tokens},
                           {"windows", r.windows},
                           {"scored_tokens", r.scored},
                           {"nats_per_token", estimate_json(r.nll)},
                           {"perplexity", estimate_json(r.perplexity)},
                           {"bits_per_byte", estimate_json(r.bits_per_byte)}};
  if (r.word_perplexity) json.set("word_perplexity", estimate_json(*r.word_perplexity));
  if (r.byte_perplexity) json.set("byte_perplexity", estimate_json(*r.byte_perplexity));
  json.set("sha256", r.sha256);
  return json;
}

std::string convention_text(const TextOptions& o) {
  std::string text = fmt::format("{}, window {}", name(o.convention), o.window);
  if (o.stride > 0) text += fmt::format(", stride {}", o.stride);
  return text;
}

// In characters of a terminal, as far as code points tell.
size_t width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// What stands between the bars of a Markdown table.
std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string padded(const std::string& text, size_t to, bool right) {
  const std::string space(to - std::min(to, width(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string sample_lines(const TaskResult& result, const std::string& model) {
  std::string lines;
  for (const ItemResult& item : result.items) {
    Json sample = item.sample;
    sample.set("model", model);
    lines += to_text(sample) + "\n";
  }
  return lines;
}

EvalReport::Section& EvalReport::section(const std::string& title,
                                         std::vector<std::string> header) {
  const auto at = std::find_if(sections_.begin(), sections_.end(),
                               [&](const Section& s) { return s.title == title; });
  if (at != sections_.end()) return *at;
  return sections_.emplace_back(Section{title, std::move(header), {}});
}

void EvalReport::add_text(const std::string& file, const TextResult& r) {
  Json json = text_json(r);
  json.set("file", file);
  texts_.push_back(std::move(json));
  auto& rows = section(fmt::format("{}: {}; {} of {} tokens scored", file,
                                   convention_text(r.options), r.scored, r.tokens),
                       {"measure", "value", "±"})
                   .rows;
  const auto add = [&](const char* what, const Estimate& e) {
    rows.push_back({what, figure(e.value), figure(e.error)});
  };
  add("perplexity", r.perplexity);
  add("nats a token", r.nll);
  add("bits a byte", r.bits_per_byte);
  if (r.word_perplexity) add("word perplexity", *r.word_perplexity);
  if (r.byte_perplexity) add("byte perplexity", *r.byte_perplexity);
}

void EvalReport::add_reference(const std::string& reference, const ReferenceResult& r) {
  Json::Array quantiles;
  for (const auto& q : r.quantiles) {
    quantiles.push_back(Json::Object{{"q", q.q}, {"kl", q.kl}, {"dp", q.dp}});
  }
  comparisons_.push_back(Json::Object{{"reference", reference},
                                      {"text", text_json(r.reference)},
                                      {"kl", estimate_json(r.kl)},
                                      {"kl_max", r.kl_max},
                                      {"same_top", estimate_json(r.same_top)},
                                      {"dp", estimate_json(r.dp)},
                                      {"dp_rms", estimate_json(r.dp_rms)},
                                      {"perplexity_ratio", estimate_json(r.ratio)},
                                      {"log_perplexity_ratio", estimate_json(r.log_ratio)},
                                      {"correlation", r.correlation},
                                      {"quantiles", std::move(quantiles)}});
  auto& rows = section("reference " + reference, {"measure", "value", "±"}).rows;
  const auto add = [&](const std::string& what, const Estimate& e, double factor = 1) {
    rows.push_back({what, figure(e.value * factor, 6), figure(e.error * factor, 6)});
  };
  add("perplexity of the reference", r.reference.perplexity);
  add("perplexity ÷ reference's", r.ratio);
  add("mean KL divergence", r.kl);
  for (const auto& q : r.quantiles) {
    if (q.q >= 0.5) rows.push_back({fmt::format("KL {:g} %", q.q * 100), figure(q.kl, 6), "-"});
  }
  rows.push_back({"KL maximum", figure(r.kl_max, 6), "-"});
  add("same top token, %", r.same_top, 100);
  add("mean Δp, %", r.dp, 100);
  add("RMS Δp, %", r.dp_rms, 100);
  for (const auto& q : r.quantiles) {
    if (q.q == 0.01 || q.q == 0.5 || q.q == 0.99) {
      rows.push_back({fmt::format("Δp {:g} %, %", q.q * 100), figure(q.dp * 100, 6), "-"});
    }
  }
  rows.push_back({"correlation of ln p", figure(r.correlation, 6), "-"});
}

void EvalReport::add_metric_row(const std::vector<std::string>& begin, const MetricResult& m) {
  std::vector<std::string> row = begin;
  row.insert(row.end(), {m.filter, m.name, m.higher_is_better ? "↑" : "↓", figure(m.estimate.value),
                         figure(m.estimate.error)});
  section("tasks", {"task", "shots", "items", "filter", "metric", "", "value", "±"})
      .rows.push_back(std::move(row));
}

void EvalReport::add_task(const Task& task, const TaskResult& result) {
  Json json = task.settings();
  Json::Array metrics;
  for (const MetricResult& m : result.metrics) {
    metrics.push_back(metric_json(m));
    add_metric_row({task.name(), std::to_string(task.shots()), std::to_string(task.size())}, m);
  }
  json.set("metrics", std::move(metrics));
  json.set("truncated", result.truncated);
  json.set("computed_tokens", result.tokens);
  tasks_.push_back(std::move(json));
}

void EvalReport::add_means(const std::vector<TaskResult>& results,
                           const std::vector<MetricResult>& means) {
  size_t items = 0;
  for (const TaskResult& r : results) items += r.items.size();
  for (const MetricResult& m : means) {
    Json json = metric_json(m);
    json.set("tasks", static_cast<int64_t>(results.size()));
    json.set("items", static_cast<int64_t>(items));
    means_.push_back(std::move(json));
    add_metric_row({fmt::format("mean of {} tasks", results.size()), "-", std::to_string(items)},
                   m);
  }
}

void EvalReport::add_comparison(const std::string& other, const std::vector<PairedResult>& results,
                                const std::string& task) {
  auto& rows =
      section("against " + other, {task.empty() ? "text" : "task", "filter", "metric", "model",
                                   "other", "difference", "±", "p", "test", "at 95 %"})
          .rows;
  for (const PairedResult& r : results) {
    comparisons_.push_back(Json::Object{{"against", other},
                                        {"task", task.empty() ? Json() : Json(task)},
                                        {"metric", r.metric},
                                        {"filter", r.filter},
                                        {"model", estimate_json(r.model)},
                                        {"other", estimate_json(r.other)},
                                        {"difference", estimate_json(r.difference)},
                                        {"p", r.p},
                                        {"test", r.test},
                                        {"verdict", name(r.verdict)}});
    rows.push_back({task, r.filter, r.metric, figure(r.model.value), figure(r.other.value),
                    difference_figure(r.difference.value), figure(r.difference.error), p_value(r.p),
                    r.test, std::string(name(r.verdict))});
  }
}

void EvalReport::add_leak(const LeakData& data, const LeakResult& result) {
  leak_ = leak_json(data, result);
  for (LeakTable& table : leak_tables(result)) {
    section(table.title, std::move(table.header)).rows = std::move(table.rows);
  }
}

Json EvalReport::json() const {
  Json json = settings_;
  if (!texts_.empty()) json.set("texts", texts_);
  if (!tasks_.empty()) json.set("tasks", tasks_);
  if (!means_.empty()) json.set("means", means_);
  if (!comparisons_.empty()) json.set("comparisons", comparisons_);
  if (!leak_.is_null()) json.set("leak", leak_);
  return json;
}

std::string EvalReport::table(bool markdown) const {
  std::string out;
  const auto shown = [&](const std::string& text) {
    const std::string line = printable(text, 400);
    return markdown ? markdown_cell(line) : line;
  };
  for (const Section& s : sections_) {
    std::vector<std::vector<std::string>> rows = {s.header};
    rows.insert(rows.end(), s.rows.begin(), s.rows.end());
    std::vector<size_t> widths(s.header.size());
    for (std::vector<std::string>& row : rows) {
      for (size_t c = 0; c < row.size(); ++c) {
        row[c] = shown(row[c]);
        widths[c] = std::max(widths[c], width(row[c]));
      }
    }
    const auto line = [&](const std::vector<std::string>& cells) {
      std::string text = markdown ? "|" : "";
      for (size_t c = 0; c < cells.size(); ++c) {
        // Figures stand below each other.
        const bool right =
            !cells[c].empty() && (std::isdigit(cells[c].front()) != 0 || cells[c].front() == '-' ||
                                  cells[c].front() == '+');
        const std::string cell = padded(cells[c], widths[c], right);
        text += markdown ? " " + cell + " |" : cell + (c + 1 < cells.size() ? "  " : "");
      }
      while (text.ends_with(' ')) text.pop_back();
      return text + "\n";
    };
    if (!out.empty()) out += "\n";
    const std::string title = printable(s.title, 400);
    out += markdown ? "**" + title + "**\n\n" : title + "\n";
    if (markdown) {
      std::vector<std::string> rule;
      for (const size_t w : widths) rule.emplace_back(w, '-');
      rows.insert(rows.begin() + 1, std::move(rule));
    }
    for (const auto& row : rows) out += line(row);
  }
  return out;
}

}  // namespace nalar::apps
