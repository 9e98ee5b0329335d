#include "report/format.h"

#include <fmt/format.h>

#include <algorithm>

namespace nalar::report {
namespace {

double per_second(int64_t n, double seconds) {
  return seconds > 0 ? static_cast<double>(n) / seconds : 0;
}

void add_text(std::vector<Row>& rows, const char* name, const std::string& value) {
  if (!value.empty()) rows.emplace_back(name, value);
}

void add_losses(const TrainingRecord& r, std::vector<Row>& rows) {
  if (!r.curve.empty()) {
    rows.emplace_back("training loss, first and last update",
                      fmt::format("{} → {} nats a token", figure_text(r.curve.front().loss),
                                  figure_text(r.curve.back().loss)));
  }
  if (const auto best = best_valid_loss(r)) {
    rows.emplace_back(
        "validation loss, before and best",
        fmt::format("{} → {} nats a token (best at update {})", figure_text(r.valid.front().loss),
                    figure_text(*best), r.best_step));
  }
}

}  // namespace

std::optional<double> best_valid_loss(const TrainingRecord& record) {
  const auto best =
      std::min_element(record.valid.begin(), record.valid.end(),
                       [](const ValidPoint& a, const ValidPoint& b) { return a.loss < b.loss; });
  if (best == record.valid.end()) return std::nullopt;
  return best->loss;
}

std::string count_text(int64_t n) {
  std::string text = std::to_string(n);
  const int64_t first = n < 0 ? 1 : 0;
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > first; at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

std::string bytes_text(int64_t bytes) {
  const auto b = static_cast<double>(bytes);
  if (b >= 1e9) return fmt::format("{:.2f} GB", b / 1e9);
  return b >= 1e6 ? fmt::format("{:.1f} MB", b / 1e6) : fmt::format("{:.1f} kB", b / 1e3);
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string figure_text(double value) { return fmt::format("{:.4g}", value); }

std::string energy_text(double joules) {
  return fmt::format("{:.3g} kJ ({:.2g} kWh)", joules / 1e3, joules / 3.6e6);
}

std::string value_text(const Json& value) {
  if (value.is_null()) return "–";
  if (value.is_string()) return value.as_string();
  if (value.kind() == Json::Kind::number) return fmt::format("{}", value.as_double());
  if (!value.is_array()) return to_text(value);
  std::string list;
  for (const Json& item : value.as_array()) list += (list.empty() ? "" : ", ") + value_text(item);
  return list;
}

std::string file_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string without_folders(const std::string& text) {
  return text.starts_with('/') || text.starts_with("~/") ? file_name(text) : text;
}

Json without_folders(const Json& value) {
  if (value.is_string()) return without_folders(value.as_string());
  if (value.is_array()) {
    Json::Array all;
    for (const Json& item : value.as_array()) all.push_back(without_folders(item));
    return all;
  }
  if (!value.is_object()) return value;
  Json::Object all;
  for (const auto& [key, item] : value.as_object()) all.emplace_back(key, without_folders(item));
  return all;
}

std::vector<Row> rows_of(const Json& object) {
  std::vector<Row> rows;
  if (!object.is_object()) return rows;
  const Json shown = without_folders(object);
  for (const auto& [key, value] : shown.as_object()) {
    rows.emplace_back(key, value_text(value));
  }
  return rows;
}

std::vector<Row> result_rows(const TrainingRecord& r) {
  std::vector<Row> rows;
  add_losses(r, rows);
  rows.emplace_back("updates of the weights", count_text(r.steps));
  add_text(rows, "ended by", r.stopped_by);
  rows.emplace_back("tokens read", count_text(r.tokens));
  rows.emplace_back("tokens learned", count_text(r.label_tokens));
  rows.emplace_back("parameters trained", fmt::format("{} of {}", count_text(r.trained_parameters),
                                                      count_text(r.base_parameters)));
  rows.emplace_back("time", duration_text(r.seconds));
  rows.emplace_back("tokens a second", figure_text(per_second(r.tokens, r.seconds)));
  rows.emplace_back("peak memory", bytes_text(r.peak_bytes));
  if (r.flops > 0) {
    rows.emplace_back("floating-point operations",
                      figure_text(r.flops) +
                          (r.flops_method.empty() ? "" : fmt::format(" ({})", r.flops_method)));
  }
  rows.emplace_back("energy of the processor packages (RAPL)",
                    r.joules ? energy_text(*r.joules) : "this machine does not tell");
  return rows;
}

std::vector<Row> origin_rows(const TrainingRecord& r) {
  std::vector<Row> rows = {{"base model", without_folders(r.base_name)}};
  add_text(rows, "architecture", r.base_family);
  rows.emplace_back("method", r.method);
  add_text(rows, "number format", r.dtype);
  rows.emplace_back("seed", std::to_string(r.seed));
  add_text(rows, "nalar", r.nalar_version);
  add_text(rows, "commit", r.nalar_commit);
  add_text(rows, "LibTorch", r.torch_version);
  add_text(rows, "processor", r.cpu);
  add_text(rows, "instruction set", r.isa);
  rows.emplace_back("threads", std::to_string(r.threads));
  add_text(rows, "chat template, SHA-256", r.template_sha256);
  add_text(rows, "date (UTC)", r.date);
  return rows;
}

}  // namespace nalar::report
