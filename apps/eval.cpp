#include "eval.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <nalar/version.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "dry_run.h"
#include "eval_report.h"
#include "eval_state.h"
#include "lm_eval_report.h"

namespace nalar::apps {
namespace {

constexpr size_t kMaxText = size_t{2} << 30;

Convention convention_of(const std::string& word) {
  if (word == "hf") return Convention::hf;
  return word == "rolling" ? Convention::rolling : Convention::llamacpp;
}

// Adds the place to errors of a text's content.
template <typename F>
auto in_text(const std::string& path, const F& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw error.kind() == ErrorKind::bad_data ? error.in_file(path) : error;
  }
}

}  // namespace

const char* EvalCommand::notes() const {
  return "Figures are comparable only under the same convention, task, shots and compute: --format "
         "json tells all of them, with hashes. --compute fp32 is the reference that other tools "
         "are compared with.\n"
         "--data gives the rows of a task, when there is one --task; a task file may name its own "
         "(datasets/tasks holds ready ones).\n"
         "--leak says leaky or no leak shown, by three tests at 1 % each: rows that come out word "
         "for "
         "word, training rows told from held-out ones, canaries. It tells counts and rows, never "
         "what was found.\n"
         "On Ctrl-C a run with --state ends with 75; --resume goes on with it, or with one that "
         "was "
         "killed, from its last saving; --reference and --leak begin anew.";
}

void EvalCommand::declare(OptionSet& options) {
  options.positional("MODEL", model_.path, "a .gguf file, or a folder as Hugging Face lays it out");
  options.group("Text");
  options.text({"--text", "FILE", "perplexity of this text"}, text_);
  options.choice(
      {"--convention", "C",
       "llamacpp: second halves of chunks; hf: a window that moves by --stride; rolling: "
       "every token once, as lm-evaluation-harness [llamacpp]"},
      convention_, {"llamacpp", "hf", "rolling"});
  options.number({"--window", "N", "tokens; 0: 512 for llamacpp, else the context [0]"}, window_,
                 {0});
  options.number({"--stride", "N", "tokens, for hf; 0: 512 or the window [0]"}, stride_, {0});
  options.group("Tasks");
  options.texts({"--task", "FILE", "a task's JSON file; repeatable"}, tasks_);
  options.text({"--data", "FILE", "its rows: .jsonl, .json, .csv, .tsv or .txt"}, data_);
  options.text({"--fewshot-data", "FILE", "rows to take the shots from"}, fewshot_data_);
  options.number({"--limit", "N", "the first N rows alone"}, limit_, {1});
  options.number({"--shots", "N", "examples before each item"}, shots_, {0, 1000});
  options.flag({"--chat", "", "prompts by the model's chat template"}, chat_);
  options.group("Comparison");
  options.text({"--reference", "MODEL", "with --text: KL divergence from this model"}, reference_);
  options.text(
      {"--reference-compute", "C",
       "auto or fp32, for the reference: what 8-bit activations cost is --reference of the "
       "same model with fp32 (default: as --compute)"},
      reference_compute_);
  options.text({"--against", "MODEL", "the same on this model: paired differences"}, against_);
  declare_leak_flags(options, leak_);
  declare_model_flags(options, model_);
  declare_device_flags(options, model_);
  options.group("Output");
  options.choice(
      {"--format", "F",
       "table, markdown, json, or lm-eval: the results file of lm-evaluation-harness, of "
       "tasks alone [table]"},
      format_, {"table", "markdown", "json", "lm-eval"});
  options.text({"-o,--output", "FILE", "the report as JSON, too"}, output_);
  options.text({"--samples", "FILE", "every item with its log-likelihoods or answer (.jsonl)"},
               samples_);
  options.text({"--state", "FILE",
                "where a run that is stopped leaves what it has done (default: --output's or "
                "--samples' name with .state)"},
               state_);
  options.number({"--save-every", "S", "seconds from one saving of the state to the next [30]"},
                 save_every_, {0});
  options.flag({"--resume", "", "go on with a run that was stopped or killed"}, resume_);
  options.command_line_only();
}

void EvalCommand::check(const OptionSet& options) const {
  const auto fail = [](const char* what) { throw Error(ErrorKind::usage, what); };
  if (!model_.path) fail("MODEL is missing: a .gguf file or a model folder");
  if (!text_ && tasks_.empty() && !leak_.wanted()) {
    fail("nothing to do: need --text FILE, --task FILE or --leak FILE");
  }
  check_leak_flags(leak_);
  if (leak_.wanted()) {
    if (text_ || !tasks_.empty()) fail("--leak goes alone: without --text and --task");
    if (model_.adapters.size() > 1) fail("--leak: got several --adapter, need one");
    if (model_.adapters.empty() && !against_) {
      fail("--leak needs --adapter, or --against MODEL: what the model was tuned from");
    }
  }
  if (reference_ && !text_) fail("--reference needs --text");
  if (reference_compute_ && !reference_) fail("--reference-compute needs --reference");
  if (reference_compute_ && *reference_compute_ != "auto" && *reference_compute_ != "fp32") {
    fail("--reference-compute: need auto or fp32");
  }
  if (reference_ && against_) fail("--reference and --against exclude each other");
  if (data_ && tasks_.size() != 1) fail("--data needs one --task");
  if (fewshot_data_ && tasks_.size() != 1) fail("--fewshot-data needs one --task");
  if (samples_ && tasks_.empty() && !leak_.wanted()) fail("--samples needs --task or --leak");
  if (against_ && *against_ == "base" && model_.adapters.empty()) {
    fail("--against base needs --adapter");
  }
  if (format_ == "lm-eval" && (text_ || against_ || tasks_.empty())) {
    fail("--format lm-eval has room for the figures of --task alone");
  }
  check_needs(options);
  check_outputs();
}

// What would change nothing is told.
void EvalCommand::check_needs(const OptionSet& options) const {
  const auto need = [&](bool there, const char* what, std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (there || options.origin(name) != kCommandLine) continue;
      throw Error(ErrorKind::usage, fmt::format("--{} needs {}", name, what));
    }
  };
  need(text_.has_value(), "--text", {"convention", "window", "stride"});
  need(!tasks_.empty(), "--task", {"shots", "chat"});
  need(!tasks_.empty() || leak_.wanted(), "--task or --leak", {"limit"});
  need(state_path().has_value(), "--state, --output or --samples", {"resume", "save-every"});
}

// Hours later it would be too late.
void EvalCommand::check_outputs() const {
  const std::optional<std::string> state = state_path();
  // Empty where it cannot be looked at: file_exists tells why.
  const auto place = [](const std::optional<std::string>& file) {
    std::error_code failed;
    return file ? std::filesystem::weakly_canonical(*file, failed) : std::filesystem::path();
  };
  const auto same = [&](const std::optional<std::string>& a, const std::optional<std::string>& b) {
    const std::filesystem::path first = place(a);
    return !first.empty() && first == place(b);
  };
  if (same(output_, samples_) || same(output_, state) || same(samples_, state)) {
    throw Error(ErrorKind::usage, "--output, --samples and --state: need a file each");
  }
  for (const auto& file : {output_, samples_}) {
    if (file && file_exists(*file)) {
      throw Error(ErrorKind::cannot_create, "it exists already").in_file(*file);
    }
  }
  for (const auto& file : {output_, samples_, state_}) {
    if (file) require_folder_of(*file);
  }
}

std::optional<std::string> EvalCommand::state_path() const {
  if (state_ || (!output_ && !samples_)) return state_;
  return (output_ ? *output_ : *samples_) + ".state";
}

std::shared_ptr<const Model> EvalCommand::open_other_model(const OpenSubject& subject) const {
  const std::optional<std::string>& path = reference_ ? reference_ : against_;
  if (!path) return leak_.wanted() ? subject.model : nullptr;
  if (!reference_ && *path == "base") return subject.model;
  ModelFlags flags = model_;
  flags.path = path;
  return open_model(flags);
}

OpenSubject EvalCommand::open_other(const OpenSubject& subject,
                                    std::shared_ptr<const Model> other) const {
  if (other == subject.model) return without_adapters(subject);
  ModelFlags flags = model_;
  flags.path = reference_ ? reference_ : against_;
  flags.adapters.clear();
  flags.compute = reference_compute_.value_or(model_.compute);
  return open_subject(std::move(other), flags);
}

std::vector<Task> EvalCommand::open_tasks(const OpenSubject& subject) const {
  std::shared_ptr<const ChatTemplate> chat;
  if (chat_) {
    auto own = open_chat_template(subject.model->files(), *subject.subject.tokenizer);
    if (!own) {
      throw Error(ErrorKind::usage, "--chat: the model has no chat template").in_file(*model_.path);
    }
    chat = std::make_shared<ChatTemplate>(std::move(*own));
  }
  std::vector<Task> tasks;
  for (const std::string& path : tasks_) {
    TaskOptions options;
    options.task = path;
    options.data = data_;
    options.fewshot_data = fewshot_data_;
    options.limit = limit_.value_or(0);
    options.shots = shots_;
    tasks.emplace_back(options, chat);
  }
  return tasks;
}

void EvalCommand::run_text(const OpenSubject& subject, EvalRun& run) const {
  const std::string text = read_input(*text_, kMaxText);
  const TextOptions options{convention_of(convention_), window_, stride_};
  run.report.add_text(*text_, in_text(*text_, [&] {
    return evaluate_text(subject.subject, text, options, run.state.next_step());
  }));
}

void EvalCommand::run_reference(const OpenSubject& subject, std::shared_ptr<const Model> other,
                                EvalRun& run) const {
  const std::string text = read_input(*text_, kMaxText);
  const TextOptions options{convention_of(convention_), window_, stride_};
  const OpenSubject reference = open_other(subject, std::move(other));
  const ReferenceResult result = in_text(*text_, [&] {
    return evaluate_against_reference(subject.subject, reference.subject, text, options,
                                      run.state.next_step());
  });
  run.report.add_text(*text_, result.text);
  if (reference_) {
    run.report.add_reference(*reference_, result);
  } else {
    run.report.add_comparison(*against_, {compare_texts(result)}, "");
  }
}

void EvalCommand::run_tasks(const OpenSubject& subject, std::shared_ptr<const Model> other,
                            const std::vector<Task>& tasks, EvalRun& run) const {
  std::vector<TaskResult> results, others;
  const auto evaluate = [&](const OpenSubject& of, const Task& task) {
    TaskResult result = evaluate_task(of.subject, task, run.state.next_step());
    if (result.truncated > 0) {
      run.streams.log.note(
          fmt::format("{}: {} requests were cut from the left to fit the context "
                      "of {} tokens ({})",
                      task.name(), result.truncated, of.engine->n_ctx(), of.name));
    }
    return result;
  };
  for (const Task& task : tasks) {
    results.push_back(evaluate(subject, task));
    run.report.add_task(task, results.back());
  }
  if (tasks.size() > 1) run.report.add_means(results, group_means(results));
  if (other) {
    const OpenSubject against = open_other(subject, std::move(other));
    for (size_t i = 0; i < tasks.size(); ++i) {
      others.push_back(evaluate(against, tasks[i]));
      run.report.add_comparison(*against_, compare_results(tasks[i], results[i], others[i]),
                                tasks[i].name());
    }
  }
  if (!samples_) return;
  std::string lines;
  for (size_t i = 0; i < tasks.size(); ++i) {
    lines += sample_lines(results[i], *model_.path);
    if (i < others.size()) lines += sample_lines(others[i], *against_);
  }
  write_new_file(*samples_, lines);
}

void EvalCommand::run_leak(const OpenSubject& subject, std::shared_ptr<const Model> other,
                           EvalRun& run) const {
  const OpenSubject untuned = open_other(subject, std::move(other));
  const std::vector<AdapterUse>& adapters = subject.subject.adapters;
  const std::string& folder = adapters.empty() ? *model_.path : adapters.front().adapter->path();
  const LeakData data(leak_options(leak_, folder, limit_.value_or(0)), subject.model->files(),
                      subject.subject.tokenizer,
                      std::min(subject.engine->n_ctx(), untuned.engine->n_ctx()));
  for (const std::string& notice : data.notices()) run.streams.log.note(notice);
  const LeakResult result =
      evaluate_leak(subject.subject, untuned.subject, data, run.state.next_step());
  run.report.add_leak(data, result);
  if (samples_) write_new_file(*samples_, leak_samples(result));
}

void EvalCommand::run(const OptionSet& options, Streams& streams) {
  check(options);
  if (model_.dry_run) return dry_run(*open_model(model_), model_, common.json, streams.out);
  const auto start = std::chrono::steady_clock::now();
  const OpenSubject subject = open_subject(open_model(model_), model_);
  streams.log.detail(describe(*subject.model));
  for (const AdapterUse& use : subject.subject.adapters) streams.log.detail(describe(use));
  // Before anything is computed: every prompt is made, every row checked and every model found
  // here.
  const std::vector<Task> tasks = open_tasks(subject);
  if (format_ == "lm-eval") require_names_apart(tasks);
  const std::shared_ptr<const Model> other = open_other_model(subject);
  const VersionInfo version = version_info();
  Json settings = Json::Object{{"model", title(*subject.model)},
                               {"model_sha256", weights_hash(subject.model->files())},
                               {"adapters", adapters_json(subject)},
                               {"compute", model_.compute},
                               {"n_ctx", subject.engine->n_ctx()},
                               {"instructions", cpu_isa()},
                               {"version", version.version},
                               {"commit", version.commit},
                               {"seed", 1234}};
  if (other) {
    const char* const key = reference_ ? "reference_sha256"
                            : against_ ? "against_sha256"
                                       : "base_sha256";
    settings.set(key, weights_hash(other->files()));
  }
  if (reference_compute_) settings.set("reference_compute", *reference_compute_);
  EvalState state({state_path(), to_text(settings), resume_, save_every_}, streams.log);
  EvalReport report(std::move(settings));
  report.set("model_path", *model_.path);
  EvalRun run{state, report, streams};
  try {
    if (text_ && other) run_reference(subject, other, run);
    if (text_ && !other) run_text(subject, run);
    if (!tasks.empty()) run_tasks(subject, against_ ? other : nullptr, tasks, run);
    if (leak_.wanted()) run_leak(subject, other, run);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::try_again) throw;
    throw Error(error.kind(), error.what(),
                leak_.wanted() ? "the same command with --resume, which begins --leak anew"
                               : "the same command with --resume goes on from there");
  }
  report.set("seconds",
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  if (output_) write_new_file(*output_, to_text(report.json(), 2) + "\n");
  state.remove();
  if (format_ == "lm-eval") {
    streams.out.write(to_text(lm_eval_results(report.json(), tasks), 2) + "\n");
  } else if (common.json || format_ == "json") {
    streams.out.write(to_text(report.json()) + "\n");
  } else {
    streams.out.write(report.table(format_ == "markdown"));
  }
}

}  // namespace nalar::apps
