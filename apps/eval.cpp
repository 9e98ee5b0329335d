#include "eval.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <nalar/version.h>

#include <algorithm>
#include <chrono>

#include "dry_run.h"
#include "eval_report.h"
#include "eval_state.h"

namespace nalar::apps {
namespace {

constexpr size_t kMaxText = size_t{2} << 30;

Convention convention_of(const std::string& word) {
  if (word == "hf") return Convention::hf;
  return word == "rolling" ? Convention::rolling : Convention::llamacpp;
}

Json adapters_json(const std::vector<AdapterUse>& adapters) {
  Json::Array out;
  for (const AdapterUse& use : adapters) {
    out.push_back(Json::Object{{"adapter", use.adapter->path()},
                               {"scale", static_cast<double>(use.scale)},
                               {"sha256", weights_hash(*use.adapter)}});
  }
  return out;
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
         "On Ctrl-C a run with --state ends with 75, and --resume goes on with it; --reference and "
         "--leak begin anew.";
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
  options.text({"--data", "FILE", "its rows: .jsonl, .json, .csv or .tsv"}, data_);
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
  options.choice({"--format", "F", "table, markdown or json [table]"}, format_,
                 {"table", "markdown", "json"});
  options.text({"-o,--output", "FILE", "the report as JSON, too"}, output_);
  options.text({"--samples", "FILE", "every item with its log-likelihoods or answer (.jsonl)"},
               samples_);
  options.text({"--state", "FILE",
                "where a run that is stopped leaves what it has done (default: --output's or "
                "--samples' name with .state)"},
               state_);
  options.flag({"--resume", "", "go on with a run that was stopped"}, resume_);
  options.command_line_only();
}

void EvalCommand::check() const {
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
  if (resume_ && !state_ && !output_ && !samples_) {
    fail("--resume needs --state, --output or --samples");
  }
  if (against_ && *against_ == "base" && model_.adapters.empty()) {
    fail("--against base needs --adapter");
  }
  for (const auto& file : {output_, samples_}) {
    if (file && file_exists(*file)) {
      throw Error(ErrorKind::cannot_create, "it exists already").in_file(*file);
    }
  }
}

OpenSubject EvalCommand::open_subject() const {
  const auto model = open_model(model_);
  const EngineOptions options = engine_options(model_, *model);
  const std::shared_ptr<Engine> engine = open_engine(model, options, device(model_));
  return {*model_.path,
          model,
          engine,
          options.adapters,
          {engine.get(), open_tokenizer(model->files()), {}}};
}

OpenSubject EvalCommand::open_other(const std::string& path, const std::string& compute) const {
  ModelFlags flags = model_;
  flags.path = path;
  flags.adapters.clear();
  flags.compute = compute;
  const auto model = open_model(flags);
  const std::shared_ptr<Engine> engine =
      open_engine(model, engine_options(flags, *model), device(flags));
  return {path, model, engine, {}, {engine.get(), open_tokenizer(model->files()), {}}};
}

OpenSubject EvalCommand::open_untuned(const OpenSubject& subject) const {
  if (against_ && *against_ != "base") return open_other(*against_, model_.compute);
  OpenSubject base = subject;
  base.name = "base";
  base.subject.sequence.adapted = false;
  return base;
}

TextOptions EvalCommand::text_options() const {
  return {convention_of(convention_), window_, stride_};
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

void EvalCommand::run_text(const OpenSubject& subject, EvalState& state, EvalReport& report) const {
  const std::string text = read_input(*text_, kMaxText);
  try {
    report.add_text(*text_,
                    evaluate_text(subject.subject, text, text_options(), state.next_step()));
  } catch (const Error& error) {
    throw error.kind() == ErrorKind::bad_data ? error.in_file(*text_) : error;
  }
}

void EvalCommand::run_reference(const OpenSubject& subject, EvalState& state,
                                EvalReport& report) const {
  const std::string& path = reference_ ? *reference_ : *against_;
  const std::string text = read_input(*text_, kMaxText);
  const OpenSubject reference = reference_
                                    ? open_other(path, reference_compute_.value_or(model_.compute))
                                    : open_untuned(subject);
  const ReferenceResult result = evaluate_against_reference(
      subject.subject, reference.subject, text, text_options(), state.next_step());
  report.add_text(*text_, result.text);
  report.set("reference_sha256", weights_hash(reference.model->files()));
  if (reference_compute_) report.set("reference_compute", *reference_compute_);
  if (reference_) {
    report.add_reference(path, result);
  } else {
    report.add_comparison(path, {compare_texts(result)}, "");
  }
}

void EvalCommand::run_tasks(const OpenSubject& subject, const std::vector<Task>& tasks,
                            EvalState& state, EvalReport& report) const {
  std::vector<TaskResult> results, others;
  for (const Task& task : tasks) {
    results.push_back(evaluate_task(subject.subject, task, state.next_step()));
    report.add_task(task, results.back());
  }
  if (against_) {
    const OpenSubject other = open_untuned(subject);
    report.set("against_sha256", weights_hash(other.model->files()));
    for (size_t i = 0; i < tasks.size(); ++i) {
      others.push_back(evaluate_task(other.subject, tasks[i], state.next_step()));
      report.add_comparison(*against_, compare_results(tasks[i], results[i], others[i]),
                            tasks[i].name());
    }
  }
  if (samples_) write_samples(tasks, results, others);
}

void EvalCommand::run_leak(const OpenSubject& subject, EvalState& state, EvalReport& report,
                           const Streams& streams) const {
  const OpenSubject untuned = open_untuned(subject);
  const std::string& run =
      subject.adapters.empty() ? *model_.path : subject.adapters.front().adapter->path();
  const LeakData data(leak_options(leak_, run, limit_.value_or(0)), subject.model->files(),
                      subject.subject.tokenizer,
                      std::min(subject.engine->n_ctx(), untuned.engine->n_ctx()));
  for (const std::string& notice : data.notices()) streams.log.note(notice);
  const LeakResult result =
      evaluate_leak(subject.subject, untuned.subject, data, state.next_step());
  report.set("base_sha256", weights_hash(untuned.model->files()));
  report.add_leak(data, result);
  if (samples_) write_new_file(*samples_, leak_samples(result));
}

void EvalCommand::write_samples(const std::vector<Task>& tasks,
                                const std::vector<TaskResult>& results,
                                const std::vector<TaskResult>& others) const {
  std::string lines;
  const auto add = [&](const TaskResult& result, const std::string& model) {
    for (const ItemResult& item : result.items) {
      Json sample = item.sample;
      sample.set("model", model);
      lines += to_text(sample) + "\n";
    }
  };
  for (size_t i = 0; i < tasks.size(); ++i) {
    add(results[i], *model_.path);
    if (i < others.size()) add(others[i], *against_);
  }
  write_new_file(*samples_, lines);
}

void EvalCommand::measure(const OpenSubject& subject, const std::vector<Task>& tasks,
                          EvalState& state, EvalReport& report, const Streams& streams) const {
  if (text_) {
    if (reference_ || against_) {
      run_reference(subject, state, report);
    } else {
      run_text(subject, state, report);
    }
  }
  if (!tasks.empty()) run_tasks(subject, tasks, state, report);
  if (leak_.wanted()) run_leak(subject, state, report, streams);
}

void EvalCommand::dry(Streams& streams) const {
  dry_run(*open_model(model_), model_, common.json, streams.out);
}

void EvalCommand::run(const OptionSet&, Streams& streams) {
  check();
  if (model_.dry_run) return dry(streams);
  const auto start = std::chrono::steady_clock::now();
  const OpenSubject subject = open_subject();
  streams.log.detail(describe(*subject.model));
  for (const AdapterUse& use : subject.adapters) streams.log.detail(describe(use));
  // Before anything is computed: every prompt is made and every row checked here.
  const std::vector<Task> tasks = open_tasks(subject);
  const std::string hash = weights_hash(subject.model->files());
  const VersionInfo version = version_info();
  Json settings = Json::Object{{"model", title(*subject.model)},
                               {"model_sha256", hash},
                               {"adapters", adapters_json(subject.adapters)},
                               {"compute", model_.compute},
                               {"n_ctx", subject.engine->n_ctx()},
                               {"instructions", cpu_isa()},
                               {"version", version.version},
                               {"commit", version.commit},
                               {"seed", 1234}};
  std::optional<std::string> state_path = state_;
  if (!state_path && (output_ || samples_)) {
    state_path = (output_ ? *output_ : *samples_) + ".state";
  }
  const std::string key =
      fmt::format("{} {} {}", to_text(settings), reference_.value_or(""), against_.value_or(""));
  EvalState state(state_path, key, resume_, streams.log);
  EvalReport report(std::move(settings));
  try {
    measure(subject, tasks, state, report, streams);
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
  if (common.json || format_ == "json") {
    streams.out.write(to_text(report.json()) + "\n");
  } else {
    streams.out.write(report.table(format_ == "markdown"));
  }
}

}  // namespace nalar::apps
