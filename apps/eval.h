#pragma once

#include <nalar/eval.h>

#include "command.h"
#include "eval_leak.h"
#include "model_flags.h"

namespace nalar::apps {

class EvalState;
class EvalReport;

// A model that is open for judging. Several may share an engine.
struct OpenSubject {
  std::string name;  // as the command line has it
  std::shared_ptr<const Model> model;
  std::shared_ptr<Engine> engine;
  std::vector<AdapterUse> adapters;
  Subject subject;
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
  void check() const;
  void dry(Streams& streams) const;
  OpenSubject open_subject() const;
  OpenSubject open_other(const std::string& path, const std::string& compute) const;
  TextOptions text_options() const;
  std::vector<Task> open_tasks(const OpenSubject& subject) const;
  void run_text(const OpenSubject& subject, EvalState& state, EvalReport& report) const;
  // What --against names, a model or the base without the adapters; without it the base.
  OpenSubject open_untuned(const OpenSubject& subject) const;
  void run_leak(const OpenSubject& subject, EvalState& state, EvalReport& report,
                const Streams& streams) const;
  void run_reference(const OpenSubject& subject, EvalState& state, EvalReport& report) const;
  void run_tasks(const OpenSubject& subject, const std::vector<Task>& tasks, EvalState& state,
                 EvalReport& report) const;
  void measure(const OpenSubject& subject, const std::vector<Task>& tasks, EvalState& state,
               EvalReport& report, const Streams& streams) const;
  void write_samples(const std::vector<Task>& tasks, const std::vector<TaskResult>& results,
                     const std::vector<TaskResult>& others) const;

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
  bool resume_ = false;
};

}  // namespace nalar::apps
