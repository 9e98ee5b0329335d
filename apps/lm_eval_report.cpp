#include "lm_eval_report.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <chrono>
#include <cmath>
#include <set>
#include <string>

namespace nalar::apps {
namespace {

// As its sanitize_model_name: runs of what file names cannot have become "__".
std::string file_name_of(std::string_view model) {
  std::string out;
  bool in_run = false;
  for (const char c : model) {
    const bool bad = std::string_view("\"<>:/|\\?*[]").find(c) != std::string_view::npos;
    if (!bad) out += c;
    if (bad && !in_run) out += "__";
    in_run = bad;
  }
  return out;
}

Json metrics_of(const Json& task) {
  const Json& name = *task.find("task");
  Json out = Json::Object{{"alias", name}, {"name", name}, {"sample_len", *task.find("items")}};
  for (const Json& m : task.find("metrics")->as_array()) {
    const std::string& metric = m.find("metric")->as_string();
    const std::string& filter = m.find("filter")->as_string();
    const double error = m.find("error")->as_double();
    out.set(fmt::format("{},{}", metric, filter), *m.find("value"));
    out.set(fmt::format("{}_stderr,{}", metric, filter),
            std::isfinite(error) ? Json(error) : Json("N/A"));
  }
  return out;
}

Json higher_is_better(const Json& task) {
  Json out{Json::Object{}};
  for (const Json& m : task.find("metrics")->as_array()) {
    out.set(m.find("metric")->as_string(), *m.find("higher_is_better"));
  }
  return out;
}

Json model_arguments(const Json& report) {
  Json out = Json::Object{{"pretrained", *report.find("model_path")}};
  const Json::Array& adapters = report.find("adapters")->as_array();
  if (!adapters.empty()) out.set("peft", *adapters.front().find("adapter"));
  return out;
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Json lm_eval_results(const Json& report, const std::vector<Task>& tasks) {
  Json results{Json::Object{}}, configs = results, versions = results, shots = results,
                                better = results, samples = results;
  Json limit, chat_template;
  const Json::Array& reported = report.find("tasks")->as_array();
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::string& name = tasks[i].name();
    const Json& task = reported[i];
    results.set(name, metrics_of(task));
    Json config = tasks[i].config();
    config.set("num_fewshot", *task.find("shots"));
    configs.set(name, std::move(config));
    versions.set(name, *task.find("version"));
    shots.set(name, *task.find("shots"));
    better.set(name, higher_is_better(task));
    samples.set(name,
                Json::Object{{"original", *task.find("rows")}, {"effective", *task.find("items")}});
    limit = *task.find("limit");
    chat_template = *task.find("chat_template_sha256");
  }
  const std::string& model = report.find("model_path")->as_string();
  return Json::Object{
      {"results", std::move(results)},
      {"group_subtasks", Json::Object{}},
      {"configs", std::move(configs)},
      {"versions", std::move(versions)},
      {"n-shot", std::move(shots)},
      {"higher_is_better", std::move(better)},
      {"n-samples", std::move(samples)},
      {"config", Json::Object{{"model", "nalar"},
                              {"model_args", model_arguments(report)},
                              {"model_sha", *report.find("model_sha256")},
                              {"limit", std::move(limit)},
                              {"fewshot_seed", *report.find("seed")}}},
      {"git_hash", *report.find("commit")},
      {"date", seconds_since_1970()},
      {"max_length", *report.find("n_ctx")},
      {"model_source", "nalar"},
      {"model_name", model},
      {"model_name_sanitized", file_name_of(model)},
      {"fewshot_as_multiturn", !chat_template.is_null()},
      {"chat_template_sha", std::move(chat_template)},
      {"total_evaluation_time_seconds", fmt::format("{:.3f}", report.find("seconds")->as_double())},
      {"nalar", report}};
}

void require_names_apart(const std::vector<Task>& tasks) {
  std::set<std::string_view> names;
  for (const Task& task : tasks) {
    if (names.insert(task.name()).second) continue;
    throw Error(ErrorKind::usage,
                fmt::format("--format lm-eval: two tasks are called \"{}\"", task.name()));
  }
}

}  // namespace nalar::apps
