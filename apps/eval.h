#pragma once

#include <nalar/eval.h>

#include "command.h"
#include "eval_leak.h"
#include "eval_subject.h"

namespace nalar::apps {

class EvalState;
class EvalReport;

// What a run of eval tells of itself.
struct EvalRun {
  EvalState& state;
  EvalReport& report;
  const Streams& streams;
};

// nalar eval: perplexity, tasks, comparisons.
class EvalCommand : public Command {
 public:
  const char* name() const override { return "eval"; }
  const char* arguments() const override {
    return "MODEL --text FILE | --task FILE.json … | --leak FILE";
  }
  const char* about() const override {
    return "measures a model: perplexity, multiple choice, answers, what it leaks; and compares it "
           "with another";
  }
  const char* notes() const override;
  void declare(OptionSet& options) override;
  void run(const OptionSet& options, Streams& streams) override;

 private:
  void check(const OptionSet& options) const;
  void check_needs(const OptionSet& options) const;
  void check_outputs() const;
  std::optional<std::string> state_path() const;
  std::vector<Task> open_tasks(const OpenSubject& subject) const;
  // The model that MODEL is held against: what --reference or --against names, or MODEL's own,
  // without the adapters; nullptr where there is none.
  std::shared_ptr<const Model> open_other_model(const OpenSubject& subject) const;
  OpenSubject open_other(const OpenSubject& subject, std::shared_ptr<const Model> other) const;
  void run_text(const OpenSubject& subject, EvalRun& run) const;
  void run_reference(const OpenSubject& subject, std::shared_ptr<const Model> other,
                     EvalRun& run) const;
  void run_tasks(const OpenSubject& subject, std::shared_ptr<const Model> other,
                 const std::vector<Task>& tasks, EvalRun& run) const;
  void run_leak(const OpenSubject& subject, std::shared_ptr<const Model> other, EvalRun& run) const;

  ModelFlags model_;
  std::optional<std::string> text_;
  std::string convention_ = "llamacpp";
  int window_ = 0, stride_ = 0;
  std::vector<std::string> tasks_;
  std::optional<std::string> data_, fewshot_data_;
  std::optional<int> limit_, shots_;
  bool chat_ = false;
  std::optional<std::string> reference_, against_;
  std::optional<std::string> reference_compute_;
  LeakFlags leak_;
  std::string format_ = "table";
  std::optional<std::string> samples_, output_, state_;
  int save_every_ = 30;
  bool resume_ = false;
};

}  // namespace nalar::apps
