#include <nalar/error.h>
#include <nalar/eval.h>

#include <cmath>
#include <fstream>
#include <map>

#include "engine/cpu_engine.h"
#include "eval/task_impl.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "task_support.h"

namespace nalar::eval {
namespace {

using Catch::Contains;
using nalar::test::error_of;
using nalar::test::golden;

struct Stories {
  Stories() {
    EngineOptions options;
    options.threads = 1;
    options.compute = Compute::fp32;
    engine = engine::make_cpu_engine(model, options);
    subject = {engine.get(), open_tokenizer(model->files()), {}};
  }
  std::shared_ptr<const Model> model = open_model(golden("stories260k/stories260K-f32.gguf"));
  std::unique_ptr<Engine> engine;
  Subject subject;
};

std::map<std::string, double> figures(const TaskResult& result) {
  std::map<std::string, double> out;
  for (const MetricResult& m : result.metrics) {
    out[m.name + "," + m.filter] = m.estimate.value;
  }
  return out;
}

TEST_CASE("a choice task, against each choice scored by itself") {
  Stories stories;
  const Task task(golden_task("animals"));
  const TaskResult result = evaluate_task(stories.subject, task);
  REQUIRE(result.items.size() == 8);
  double right = 0, right_norm = 0;
  for (size_t i = 0; i < result.items.size(); ++i) {
    const Item& item = task.impl().items[i];
    const auto& ll = result.items[i].log_likelihoods;
    REQUIRE(ll.size() == item.choices.size());
    size_t best = 0, best_norm = 0;
    for (size_t c = 0; c < ll.size(); ++c) {
      if (ll[c] > ll[best]) best = c;
      const auto per = [&](size_t k) {
        return ll[k] / static_cast<double>(item.choices[k].size());
      };
      if (per(c) > per(best_norm)) best_norm = c;
    }
    right += best == item.gold[0];
    right_norm += best_norm == item.gold[0];
  }
  auto f = figures(result);
  CHECK(f["acc,none"] == right / 8);
  CHECK(f["acc_norm,none"] == right_norm / 8);
  CHECK(f["acc_bytes,none"] == f["acc_norm,none"]);  // ASCII
  CHECK(result.metrics[0].estimate.error ==
        Approx(std::sqrt(f["acc,none"] * (1 - f["acc,none"]) / 7)));
}

TEST_CASE("log-likelihoods of choices, against an independent computation") {
  Stories stories;
  TaskOptions options = golden_task("animals");
  options.limit = 2;
  const TaskResult result = evaluate_task(stories.subject, Task(options));
  // A forward pass in double precision, in Python; rounding as in text_test.cpp.
  const std::vector<std::vector<double>> want = {
      {-20.38937779036606, -13.556637883182246, -21.257539479187997},
      {-12.039834454418376, -20.60548119031761}};
  REQUIRE(result.items.size() == 2);
  for (size_t i = 0; i < want.size(); ++i) {
    for (size_t c = 0; c < want[i].size(); ++c) {
      CHECK(result.items[i].log_likelihoods[c] == Approx(want[i][c]).margin(5e-4));
    }
  }
}

TEST_CASE("results do not depend on the batch size, bit for bit") {
  Stories stories;
  for (const char* name : {"animals", "endings", "words", "stories"}) {
    std::vector<TaskResult> results;
    for (const int batch : {1, 50, 4096}) {
      TaskOptions options = golden_task(name);
      options.batch_tokens = batch;
      results.push_back(evaluate_task(stories.subject, Task(options)));
    }
    for (const TaskResult& r : results) {
      for (size_t i = 0; i < r.items.size(); ++i) {
        CHECK(r.items[i].log_likelihoods == results[0].items[i].log_likelihoods);
      }
    }
  }
}

TEST_CASE("last words and documents: perplexities by their formulas") {
  Stories stories;
  const TaskResult words = evaluate_task(stories.subject, Task(golden_task("words")));
  double sum = 0;
  for (const ItemResult& item : words.items) sum += item.log_likelihoods[0];
  CHECK(figures(words)["perplexity,none"] == Approx(std::exp(-sum / 4)));
  const TaskResult documents = evaluate_task(stories.subject, Task(golden_task("stories")));
  sum = 0;
  for (const ItemResult& item : documents.items) sum += item.log_likelihoods[0];
  CHECK(figures(documents)["word_perplexity,none"] == Approx(std::exp(-sum / (11 + 8 + 5 + 10))));
  CHECK(figures(documents)["bits_per_byte,none"] ==
        Approx(-sum / (52 + 37 + 29 + 45) / std::log(2)));
}

TEST_CASE("answers pass the filters") {
  Stories stories;
  const TaskResult result = evaluate_task(stories.subject, Task(golden_task("answers")));
  REQUIRE(result.metrics.size() == 2);
  CHECK(result.metrics[0].filter == "plain");
  for (const ItemResult& item : result.items) {
    REQUIRE(item.answers.size() == 1);
    CHECK(item.answers[0].find('\n') == std::string::npos);
  }
}

TEST_CASE("a run that is stopped goes on, with equal results") {
  Stories stories;
  for (const char* name : {"animals", "words", "answers"}) {
    TaskOptions options = golden_task(name);
    options.batch_tokens = 1;
    const Task task(options);
    const TaskResult whole = evaluate_task(stories.subject, task);
    Json state;
    EvalControl control;
    control.save = [&](const Json& s) { state = s; };
    control.on_event = [](const EvalEvent& event) { return event.done < 2; };
    CHECK(
        error_of([&] { evaluate_task(stories.subject, task, control); }).starts_with("stopped: "));
    control = {};
    control.resume = parse_json(to_text(state));
    int64_t first = -1;
    control.on_event = [&](const EvalEvent& event) {
      if (first < 0) first = event.done;
      return true;
    };
    const TaskResult rest = evaluate_task(stories.subject, task, control);
    CHECK(first >= 2);
    for (size_t i = 0; i < whole.items.size(); ++i) {
      CHECK(rest.items[i].log_likelihoods == whole.items[i].log_likelihoods);
      CHECK(rest.items[i].answers == whole.items[i].answers);
    }
    CHECK(figures(rest) == figures(whole));
    CHECK_THAT(
        error_of([&] { evaluate_task(stories.subject, Task(golden_task("endings")), control); }),
        Contains("state: it belongs to another task"));
  }
}

TEST_CASE("two results of one task are compared item by item") {
  Stories stories;
  const Task task(golden_task("animals"));
  const TaskResult model = evaluate_task(stories.subject, task);
  const auto same = compare_results(task, model, model);
  REQUIRE(same.size() == 4);
  for (const PairedResult& r : same) {
    CHECK(r.difference.value == 0);
    CHECK(r.p == 1);
    CHECK(r.verdict == Verdict::no_difference);
  }
  // The other model prefers a wrong choice everywhere.
  TaskResult other = model;
  for (size_t i = 0; i < other.items.size(); ++i) {
    other.items[i].log_likelihoods[task.impl().items[i].gold[0]] = -1e6;
  }
  TaskResult right = model;
  for (size_t i = 0; i < right.items.size(); ++i) {
    right.items[i].log_likelihoods[task.impl().items[i].gold[0]] = 0;
  }
  const auto better = compare_results(task, right, other);
  CHECK(better[0].difference.value == 1);
  CHECK(better[0].p == Approx(2 / 256.0));
  CHECK(better[0].verdict == Verdict::better);
  CHECK(compare_results(task, other, right)[0].verdict == Verdict::worse);
}

TEST_CASE("of one item there is a figure, but no error, and no difference is shown") {
  Stories stories;
  TaskOptions options = golden_task("animals");
  options.limit = 1;
  const Task one(options), all(golden_task("animals"));
  const TaskResult single = evaluate_task(stories.subject, one);
  const TaskResult eight = evaluate_task(stories.subject, all);
  for (const MetricResult& m : single.metrics) CHECK(std::isnan(m.estimate.error));
  TaskResult other = single;
  other.items[0].log_likelihoods[one.impl().items[0].gold[0]] = -1e6;
  for (const PairedResult& r : compare_results(one, single, other)) {
    CHECK(r.verdict == Verdict::no_difference);
    CHECK(std::isnan(r.difference.error));
  }
  // The mean over nine items has the error that eight of them tell.
  const auto mean = group_means({single, eight});
  const double error = eight.metrics[0].estimate.error;
  CHECK(mean[0].estimate.error == Approx(error * std::sqrt(8.0 / 9)));
  CHECK(std::isnan(group_means({single, single})[0].estimate.error));
}

TEST_CASE("a row that is over the context is cut from the left and counted") {
  Stories stories;
  EngineOptions options;
  options.threads = 1;
  options.n_ctx = 24;
  const auto engine = engine::make_cpu_engine(stories.model, options);
  const TaskResult result =
      evaluate_task({engine.get(), stories.subject.tokenizer, {}}, Task(golden_task("animals")));
  CHECK(result.truncated > 0);
  options.n_ctx = 4;
  const auto tiny = engine::make_cpu_engine(stories.model, options);
  CHECK_THAT(
      error_of([&] {
        evaluate_task({tiny.get(), stories.subject.tokenizer, {}}, Task(golden_task("animals")));
      }),
      Contains("animals.jsonl: line 1: a continuation is too long"));
}

// What is wrong with it.
std::string problem(const std::string& fields, const std::string& rows, int shots = 0) {
  return error_of([&] { task_over(fields, "t.jsonl", rows, shots); });
}

constexpr const char* kChoice =
    R"("output_type": "multiple_choice", "doc_to_text": "{{q}}?", "doc_to_choice": "c", "doc_to_target": "a")";

TEST_CASE("what is wrong with a task is told with file, line and field") {
  const std::string choice = kChoice, good = R"({"q": "Q", "c": ["x", "y"], "a": 1})"
                                             "\n";
  CHECK(problem(choice, good) == "no error");
  CHECK_THAT(problem(choice + R"(, "doc_to_txet": "q")", good),
             Contains("t.json: unknown field doc_to_txet"));
  CHECK_THAT(problem(choice + R"(, "metric_list": [{"metric": "bleu"}])", good),
             Contains("t.json: field metric_list[0].metric: got \"bleu\", need one of acc"));
  CHECK_THAT(problem(choice + R"(, "metric_list": [{"metric": "perplexity"}])", good),
             Contains("got perplexity, need a metric of multiple_choice"));
  CHECK_THAT(
      problem(choice + R"(, "metric_list": [{"metric": "acc", "aggregation": "median"}])", good),
      Contains("field metric_list[0].aggregation: got \"median\", need mean"));
  CHECK_THAT(problem(choice + R"(, "metric_list": [])", good), Contains("got an empty list"));
  CHECK_THAT(problem(choice + R"(, "num_fewshot": -1)", good),
             Contains("field num_fewshot: got -1, need an integer in 0..1000"));
  CHECK_THAT(problem(choice + R"(, "target_delimiter": 3)", good),
             Contains("field target_delimiter: got integer, need a string"));
  CHECK_THAT(problem(choice + R"(, "generation_kwargs": {"do_sample": true})", good),
             Contains("field generation_kwargs.do_sample"));
  CHECK_THAT(
      problem(R"("output_type": "multiple_choice", "doc_to_text": "q", "doc_to_target": "a")",
              good),
      Contains("t.json: field doc_to_choice: got nothing"));
  CHECK_THAT(problem(R"("output_type": "guess", "doc_to_text": "q")", good),
             Contains("field output_type: got \"guess\""));
  CHECK_THAT(problem(R"("doc_to_text": "{% if %}", "doc_to_target": "a")", good),
             Contains("t.json: field doc_to_text: "));

  CHECK_THAT(problem(choice, good + R"({"c": ["x"], "a": 0})"),
             Contains("t.jsonl: line 2: field doc_to_text: 'q' is undefined, the row has c, a"));
  CHECK_THAT(problem(choice, good + R"({"q": "Q", "c": ["x", "y"], "a": 2})"),
             Contains("t.jsonl: line 2: field doc_to_target: got 2, need one of the 2 choices"));
  CHECK_THAT(problem(choice, good + R"({"q": "Q", "c": ["x", "y"], "a": "z"})"),
             Contains("line 2: field doc_to_target: got \"z\""));
  CHECK_THAT(
      problem(R"("output_type": "multiple_choice", "doc_to_text": "q", "doc_to_choice": "c", )"
              R"("doc_to_target": "{{['e', 'n'].index(a)}}")",
              R"({"q": "Q", "c": ["x", "y"], "a": "z"})"),
      Contains("line 1: field doc_to_target: 'z' is not in the list"));
  CHECK_THAT(problem(choice, good + R"({"q": "Q", "c": [], "a": 0})"),
             Contains("line 2: field doc_to_choice: got no choices"));
  CHECK_THAT(problem(choice, good + R"({"q": "Q", "c": ["x", ""], "a": 0})"),
             Contains("line 2: field doc_to_choice: choice 2 is empty"));
  CHECK_THAT(problem(choice, good + R"({"q": "Q", "c": "x, y", "a": 0})"),
             Contains("line 2: field doc_to_choice: got \"x, y\", need a list"));
  CHECK_THAT(problem(choice, good + R"({"q": "Q", "c": {"x": 1}, "a": 0})"),
             Contains("line 2: field doc_to_choice: got object, need a list"));
  CHECK_THAT(error_of([&] { task_over(choice, "t.json.json", "[" + good + ", {}]"); }),
             Contains("t.json.json: row 2: field doc_to_choice"));
  CHECK_THAT(problem(choice, good, 1),
             Contains("t.jsonl: too few rows for 1 shots: got 1, need 2"));
  CHECK_THAT(
      problem(R"("output_type": "loglikelihood_rolling", "doc_to_target": "q")", R"({"q": ""})"),
      Contains("line 1: field doc_to_target: the document is empty"));
  CHECK_THAT(problem(choice + R"(, "test_split": "test", "fewshot_split": "train")", good, 1),
             Contains("shots from rows that are not those of --data"));
  CHECK_THAT(error_of([] { Task task(task_at("/nowhere/t.json")); }), Contains("/nowhere/t.json"));
}

}  // namespace
}  // namespace nalar::eval
