#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/generate.h>

#include <algorithm>
#include <cmath>

#include "base/digest.h"
#include "eval/answer_ends.h"
#include "eval/metrics.h"
#include "eval/scorer.h"
#include "eval/task_impl.h"
#include "eval/text.h"

namespace nalar {
namespace {

using namespace eval;

// One evaluation of a task: fills the results of its items.
class TaskRun {
 public:
  TaskRun(const Subject& subject, const Task& task, const EvalControl& control)
      : subject_(subject), task_(task), file_(task.impl().file), control_(control) {
    result_.items.resize(items().size());
    key_ = base::sha256_hex(to_text(task.settings()));
    if (!control.resume.is_null()) go_on(control.resume);
  }

  TaskResult run() {
    if (file_.output_type == OutputType::generate_until) {
      answer();
    } else {
      score();
    }
    report(result_.items.size());
    if (control_.save) control_.save(state());
    measure();
    return std::move(result_);
  }

 private:
  const std::vector<Item>& items() const { return task_.impl().items; }
  void report(size_t done) {
    done_ = done;
    report_progress(control_, {task_.name(), static_cast<int64_t>(done), task_.size()},
                    [this] { return state(); });
  }
  [[noreturn]] void fail_in(const Item& item, const Error& error) const {
    const Rows& rows = task_.impl().data;
    throw Error(error.kind(), fmt::format("{}: {}", rows.place(*item.row), error.what()))
        .in_file(rows.path);
  }
  Json state() const;
  void go_on(const Json& state);
  std::vector<Request> requests_of(const Item& item) const;
  void score();
  void answer();
  std::string text_of(const GenerateResult& generated) const;
  void measure();
  Json sample_of(size_t i, std::span<const Column> columns) const;

  const Subject& subject_;
  const Task& task_;
  const TaskFile& file_;
  const EvalControl& control_;
  std::string key_;
  size_t done_ = 0;  // items that have their outputs
  TaskResult result_;
};

Json TaskRun::state() const {
  Json::Array outputs;
  for (size_t i = 0; i < done_; ++i) {
    const ItemResult& item = result_.items[i];
    Json::Array greedy;
    for (const bool g : item.greedy) greedy.emplace_back(g);
    outputs.push_back(
        Json::Object{{"ll", Json::Array(item.log_likelihoods.begin(), item.log_likelihoods.end())},
                     {"greedy", std::move(greedy)},
                     {"answers", Json::Array(item.answers.begin(), item.answers.end())}});
  }
  return Json::Object{{"key", key_}, {"items", std::move(outputs)}};
}

void TaskRun::go_on(const Json& state) {
  const auto fail = [](const char* what) {
    throw Error(ErrorKind::bad_data, std::string("state: ") + what);
  };
  const Json* key = state.find("key");
  const Json* outputs = state.find("items");
  if (key == nullptr || !key->is_string() || key->as_string() != key_) {
    fail("it belongs to another task, other data or other settings");
  }
  if (outputs == nullptr || !outputs->is_array() || outputs->as_array().size() > items().size()) {
    fail("key items: need a list of the items that are done");
  }
  const auto list = [&](const Json& output, const char* name) -> const Json::Array& {
    const Json* value = output.find(name);
    if (value == nullptr || !value->is_array()) fail("an item lacks a list");
    return value->as_array();
  };
  for (const Json& output : outputs->as_array()) {
    ItemResult& item = result_.items[done_++];
    for (const Json& v : list(output, "ll")) {
      if (!v.is_number()) fail("a log-likelihood is no number");
      item.log_likelihoods.push_back(v.as_double());
    }
    for (const Json& v : list(output, "greedy")) {
      if (!v.is_bool()) fail("key greedy: need true or false");
      item.greedy.push_back(v.as_bool());
    }
    for (const Json& v : list(output, "answers")) {
      if (!v.is_string()) fail("key answers: need strings");
      item.answers.push_back(v.as_string());
    }
    const Item& asked = items()[done_ - 1];
    const bool rolling = file_.output_type == OutputType::loglikelihood_rolling;
    const bool answers = file_.output_type == OutputType::generate_until;
    const size_t n = rolling ? 1 : asked.continuations.size();
    if (item.log_likelihoods.size() != n || item.greedy.size() != n ||
        item.answers.size() != (answers ? 1 : 0)) {
      fail("an item has another number of results than it needs");
    }
  }
}

std::vector<Request> TaskRun::requests_of(const Item& item) const {
  const Tokenizer& tokenizer = *subject_.tokenizer;
  const int n_ctx = subject_.engine->n_ctx();
  try {
    if (file_.output_type == OutputType::loglikelihood_rolling) {
      return rolling_requests(item.targets.front(), tokenizer, n_ctx);
    }
    std::vector<Request> requests;
    for (size_t r = 0; r < item.continuations.size(); ++r) {
      requests.push_back(make_request(item.context(r), item.continuations[r], tokenizer, n_ctx));
    }
    return requests;
  } catch (const Error& error) {
    fail_in(item, error);
  }
}

void TaskRun::score() {
  const bool rolling = file_.output_type == OutputType::loglikelihood_rolling;
  // The windows of a document share nothing: each is scored on its own, and they are added up.
  std::vector<std::vector<Request>> groups;
  std::vector<size_t> item_of;
  for (size_t i = 0; i < items().size(); ++i) {
    std::vector<Request> requests = requests_of(items()[i]);
    for (const Request& r : requests) result_.truncated += r.truncated;
    if (i < done_) continue;
    if (!rolling) {
      groups.push_back(std::move(requests));
      item_of.push_back(i);
      continue;
    }
    for (Request& r : requests) {
      groups.push_back({std::move(r)});
      item_of.push_back(i);
    }
  }
  Scorer scorer(subject_, task_.impl().options.batch_tokens);
  report(done_);
  scorer.run(groups, [&](size_t group, std::span<const Score> scores) {
    ItemResult& item = result_.items[item_of[group]];
    for (const Score& s : scores) {
      if (std::isfinite(s.log_likelihood)) continue;
      fail_in(items()[item_of[group]],
              Error(ErrorKind::bad_data,
                    fmt::format("the model gives a continuation a log-likelihood of {}",
                                s.log_likelihood)));
    }
    if (rolling && !item.log_likelihoods.empty()) {
      item.log_likelihoods.front() += scores.front().log_likelihood;
      item.greedy.front() = item.greedy.front() && scores.front().greedy;
    } else {
      for (const Score& s : scores) {
        item.log_likelihoods.push_back(s.log_likelihood);
        item.greedy.push_back(s.greedy);
      }
    }
    if (scorer.more()) return;  // shown, and kept where that is due, call by call
    const bool last = group + 1 == groups.size() || item_of[group + 1] != item_of[group];
    report(item_of[group] + (last ? 1 : 0));
  });
  result_.tokens = scorer.tokens();
}

void TaskRun::answer() {
  GenerateOptions options;
  options.sampling.temperature = 0;
  options.max_tokens = file_.max_gen_toks;
  for (const std::string& text : file_.until) {
    if (!text.empty()) options.stop.push_back(text);
  }
  options.end_ids = answer_ends(subject_);
  const int room = subject_.engine->n_ctx() - file_.max_gen_toks;
  if (room < 1) {
    throw Error(ErrorKind::usage,
                fmt::format("max_gen_toks: got {}, need less than {} (the context)",
                            file_.max_gen_toks, subject_.engine->n_ctx()))
        .in_file(file_.path);
  }
  Generator generator(*subject_.engine, subject_.tokenizer, subject_.sequence);
  for (size_t i = 0, done = done_; i < items().size(); ++i) {
    std::vector<TokenId> ids = prompt_ids(items()[i].contexts.front(), *subject_.tokenizer);
    if (ids.empty()) fail_in(items()[i], Error(ErrorKind::bad_data, "the prompt is empty"));
    if (ids.size() > static_cast<size_t>(room)) {
      ids.erase(ids.begin(), ids.end() - room);
      ++result_.truncated;
    }
    if (i < done) continue;
    report(i);
    const GenerateResult generated = generator.generate(ids, options);
    result_.tokens += generated.prompt_tokens - generated.reused_tokens +
                      static_cast<int64_t>(generated.tokens.size());
    result_.items[i].answers = {text_of(generated)};
  }
}

// As a text of its own, where a tokenizer drops the space that it begins with.
std::string TaskRun::text_of(const GenerateResult& generated) const {
  std::span<const TokenId> said = generated.tokens;
  if (generated.finish_reason == FinishReason::eos) said = said.first(said.size() - 1);
  std::string text = subject_.tokenizer->decode(said);
  for (const std::string& stop : file_.until) {
    if (!stop.empty()) text = text.substr(0, text.find(stop));
  }
  return text;
}

Json TaskRun::sample_of(size_t i, std::span<const Column> columns) const {
  const Item& item = items()[i];
  const ItemResult& result = result_.items[i];
  Json sample = Json::Object{{"task", task_.name()},
                             {"index", static_cast<int64_t>(i)},
                             {"line", item.row->line},
                             {"row_sha256", base::sha256_hex(to_text(item.row->fields))}};
  Json::Array prompts, targets;
  std::string hashed;
  for (const Prompt& p : item.contexts) {
    prompts.emplace_back(p.text());
    hashed += p.text() + '\0';
  }
  for (const std::string& c : item.continuations) hashed += c + '\0';
  sample.set("prompt_sha256", base::sha256_hex(hashed));
  sample.set("prompts", std::move(prompts));
  if (!item.choices.empty()) {
    sample.set("choices", Json::Array(item.choices.begin(), item.choices.end()));
    for (const size_t g : item.gold) targets.emplace_back(static_cast<int64_t>(g));
  } else {
    targets.assign(item.targets.begin(), item.targets.end());
  }
  sample.set("target", std::move(targets));
  if (!result.answers.empty()) {
    sample.set("answer", result.answers.front());
    for (const FilterChain& filter : file_.filters) {
      sample.set("filtered." + filter.name, filter.apply(result.answers.front()));
    }
  } else {
    Json::Array greedy;
    for (const bool g : result.greedy) greedy.emplace_back(g);
    sample.set("log_likelihoods",
               Json::Array(result.log_likelihoods.begin(), result.log_likelihoods.end()));
    sample.set("greedy", std::move(greedy));
  }
  for (size_t c = 0; c < columns.size(); ++c) {
    if (!result.values[c]) continue;
    sample.set(fmt::format("{},{}", name(columns[c].metric->kind), filter_name(columns[c])),
               *result.values[c]);
  }
  return sample;
}

void TaskRun::measure() {
  const std::vector<Column> columns = columns_of(file_);
  for (const Column& column : columns) {
    std::vector<Datum> data;
    for (size_t i = 0; i < items().size(); ++i) {
      data.push_back(datum_of(column, items()[i], result_.items[i]));
      result_.items[i].values.push_back(is_mean(column.metric->kind) ? std::optional(data.back().a)
                                                                     : std::nullopt);
    }
    result_.metrics.push_back({std::string(name(column.metric->kind)),
                               std::string(filter_name(column)), estimate(*column.metric, data),
                               column.metric->higher_is_better});
  }
  for (size_t i = 0; i < items().size(); ++i) result_.items[i].sample = sample_of(i, columns);
}

}  // namespace

TaskResult evaluate_task(const Subject& subject, const Task& task, const EvalControl& control) {
  return TaskRun(subject, task, control).run();
}

}  // namespace nalar
