#pragma once

#include <nalar/eval.h>

#include <string>
#include <vector>

#include "leak_report.h"

namespace nalar::apps {

// What --samples has of a task: a line for each item.
std::string sample_lines(const TaskResult& result, const std::string& model);

// The figures of one run of eval and all that makes them comparable, in three forms.
class EvalReport {
 public:
  explicit EvalReport(Json settings) : settings_(std::move(settings)) {}

  void add_text(const std::string& file, const TextResult& result);
  void add_reference(const std::string& reference, const ReferenceResult& result);
  void add_task(const Task& task, const TaskResult& result);
  // Of the tasks added before it.
  void add_means(const std::vector<TaskResult>& results, const std::vector<MetricResult>& means);
  void add_comparison(const std::string& other, const std::vector<PairedResult>& results,
                      const std::string& task);
  void add_leak(const LeakData& data, const LeakResult& result);
  void set(std::string key, Json value) { settings_.set(std::move(key), std::move(value)); }

  Json json() const;
  std::string table(bool markdown) const;

 private:
  struct Section {
    std::string title;
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
  };
  Section& section(const std::string& title, std::vector<std::string> header);
  void add_metric_row(const std::vector<std::string>& begin, const MetricResult& metric);

  Json settings_;
  Json::Array texts_, tasks_, means_, comparisons_;
  Json leak_;
  std::vector<Section> sections_;
};

}  // namespace nalar::apps
