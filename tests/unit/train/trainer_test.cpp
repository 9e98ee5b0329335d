#include "train/trainer.h"

#include <nalar/error.h>

#include <cmath>

#include "support/catch.h"
#include "support/error_of.h"
#include "train/lr_schedule.h"
#include "training.h"

namespace nalar::train {
namespace {

using test::small_recipe;
using test::Training;
using Kind = FinetuneEvent::Kind;

TEST_CASE("a training learns and says so") {
  Training training(small_recipe());
  CHECK(training.run() == Ended::steps);
  const TrainState& state = training.state;
  CHECK(state.step == 15);
  CHECK(state.epoch == 3);
  CHECK(state.update == 0);
  REQUIRE(state.curve.size() == 15);
  CHECK(state.curve.back().loss < state.curve.front().loss - 0.3);
  REQUIRE(state.first_valid_loss);
  REQUIRE(state.best);
  CHECK(state.best->loss < *state.first_valid_loss);
  int64_t tokens = 0, learned = 0;
  for (const data::Example& e : training.made.examples) {
    tokens += static_cast<int64_t>(e.ids.size());
    learned += e.n_learned();
  }
  CHECK(state.tokens == 3 * tokens);
  CHECK(state.label_tokens == 3 * learned);
  for (const report::CurvePoint& p : state.curve) {
    CHECK(p.lr == 0.05 * lr_factor(Schedule::cosine, p.step - 1, 15, 3));
    CHECK(p.tokens_per_s > 0);
  }
}

TEST_CASE("rows of an update in one batch or each in its own: the same gradient") {
  FinetuneOptions options = small_recipe();
  options.batch_rows = 16;
  options.steps = 1;
  options.warmup = 0;
  options.batch_tokens = 4096;
  Training whole(options, 20, 0, 0);
  options.batch_tokens = 1;
  Training parts(options, 20, 0, 0);
  CHECK(whole.plan->update(0, 0).micro_batches.size() == 1);
  CHECK(parts.plan->update(0, 0).micro_batches.size() == 16);
  whole.run();
  parts.run();
  // The loss is summed in double. A gradient is a sum of some 100 products in fp32 in another
  // order: 100 · 2⁻²⁴ of its size at most.
  CHECK(whole.state.train_loss == Approx(parts.state.train_loss).epsilon(1e-12));
  double difference = 0, size = 0;
  for (size_t i = 0; i < 2; ++i) {
    const auto a = whole.model.parameters()[i].gradient;
    const auto b = parts.model.parameters()[i].gradient;
    for (size_t e = 0; e < a.size(); ++e) {
      difference += std::pow(static_cast<double>(a[e]) - static_cast<double>(b[e]), 2);
      size += std::pow(static_cast<double>(a[e]), 2);
    }
  }
  CHECK(size > 0);
  CHECK(std::sqrt(difference) <= 100 * 0x1p-24 * std::sqrt(size));
}

TEST_CASE("the loss of an update is the mean over its learned tokens") {
  FinetuneOptions options = small_recipe();
  options.steps = 1;
  Training training(options, 20, 0, 0);
  const data::Update update = training.plan->update(0, 0);
  double sum = 0;
  int64_t learned = 0;
  for (const auto& batch : update.micro_batches) {
    sum += training.model.loss(make_batch(training.rows, batch));
    learned += learned_tokens(training.rows, batch);
  }
  training.run();
  CHECK(training.state.train_loss == sum / static_cast<double>(learned));
}

TEST_CASE("evaluations and checkpoints come when they are due") {
  FinetuneOptions options = small_recipe();
  options.checkpoint_every = 6;
  Training training(options);
  training.run();
  std::vector<int64_t> evaluated;
  for (const FinetuneEvent& event : training.log) {
    if (event.kind == Kind::evaluated) evaluated.push_back(event.step);
  }
  CHECK(evaluated == std::vector<int64_t>{0, 4, 8, 12, 15});
  CHECK(training.saved == std::vector<int64_t>{5, 6, 10, 12, 15});  // epochs end at 5, 10, 15

  options.eval_every = 0;
  Training by_epoch(options);
  by_epoch.run();
  evaluated.clear();
  for (const report::ValidPoint& p : by_epoch.state.valid) evaluated.push_back(p.step);
  CHECK(evaluated == std::vector<int64_t>{0, 5, 10, 15});
}

TEST_CASE("the best values are those of the best evaluation") {
  FinetuneOptions options = small_recipe();
  options.lr = 3;  // so high that it gets worse
  options.eval_every = 1;
  options.warmup = 0;
  Training training(options);
  training.run();
  const TrainState& state = training.state;
  REQUIRE(state.best);
  double least = state.valid.front().loss;
  int64_t at = 0;
  for (const report::ValidPoint& p : state.valid) {
    if (p.loss < least) at = p.step;
    least = std::min(least, p.loss);
  }
  CHECK(state.best->step == at);
  CHECK(state.best->loss == least);
  CHECK(state.best->step < state.step);
  const std::span<Parameter> parameters = training.model.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    std::copy(state.best_values[i].begin(), state.best_values[i].end(),
              parameters[i].value.begin());
  }
  double sum = 0;
  int64_t learned = 0;
  for (const auto& batch : evaluation_batches(training.valid, state.batch_tokens, true)) {
    sum += training.model.loss(make_batch(training.valid, batch));
    learned += learned_tokens(training.valid, batch);
  }
  CHECK(sum / static_cast<double>(learned) == least);

  SECTION("and it stops where enough were no better") {
    options.early_stop = 2;
    Training early(options);
    CHECK(early.run() == Ended::early_stop);
    CHECK(early.state.step == early.state.best->step + 2);
    CHECK(early.saved.back() == early.state.step);
  }
}

TEST_CASE("a stop leaves an update that is not whole without a trace") {
  Training whole(small_recipe());
  int calls = 0;
  Training training(small_recipe());
  training.hooks.progress = [&](const FinetuneEvent& event) {
    // The second micro-batch of the third update.
    return !(event.kind == Kind::alive && event.step == 2 && ++calls == 2);
  };
  CHECK(training.run() == Ended::stopped);
  CHECK(training.state.step == 2);
  CHECK(training.saved == std::vector<int64_t>{2});
  whole.hooks.progress = [](const FinetuneEvent& event) { return event.step < 2; };
  CHECK(whole.run() == Ended::stopped);
  CHECK(whole.values() == training.values());
}

TEST_CASE("the time may be over before the first update: it is saved") {
  FinetuneOptions options = small_recipe();
  options.max_seconds = 1e-9;
  Training training(options);
  CHECK(training.run() == Ended::out_of_time);
  CHECK(training.saved == std::vector<int64_t>{0});
}

TEST_CASE("what is not finite stops before the update and names the rows") {
  FinetuneOptions options = small_recipe();
  options.shuffle = false;
  options.eval_every = 0;
  Training training(options, 20, 0);
  // A token that one row alone has.
  auto& ids = training.made.examples[9].ids;
  for (data::Example& e : training.made.examples) {
    for (TokenId& id : e.ids) id = std::min(id, test::kVocab - 2);
  }
  ids[2] = test::kVocab - 1;
  ids.resize(4);
  training.made.examples[9].learned = {0, 0, 1, 1};
  training.model.poison = {test::kVocab - 1};

  std::vector<float> before;
  training.hooks.progress = [&](const FinetuneEvent& event) {
    if (event.kind == Kind::update) before = training.values();
    return true;
  };
  const std::string error = test::error_of([&] { training.run(); });
  CHECK(error ==
        "rows.jsonl: line 10: loss of update 3: got nan, need a finite one: stopped "
        "before it");
  CHECK(training.values() == before);
  CHECK(training.state.step == 2);
  CHECK(training.saved == std::vector<int64_t>{2});
}

TEST_CASE("a gradient that overflows stops as well") {
  FinetuneOptions options = small_recipe();
  options.shuffle = false;
  Training training(options, 4, 0, 0);
  training.model.parameters()[1].value[0] = 1000;  // exp() overflows
  const std::string error = test::error_of([&] { training.run(); });
  CHECK(error.starts_with("rows.jsonl: line "));
  CHECK(error.find("of update 1: got ") != std::string::npos);
}

TEST_CASE("validation that is not finite names its rows") {
  Training training(small_recipe());
  training.held_back.paths = {"valid.jsonl"};
  training.valid = training.held_back.rows();
  training.model.poison = {training.held_back.examples[3].ids[2]};
  CHECK(test::error_of([&] { training.run(); }).starts_with("valid.jsonl: line "));
}

TEST_CASE("SGD trains too") {
  FinetuneOptions options = small_recipe();
  options.optimizer = Optimizer::sgd;
  options.lr = 1;
  Training training(options);
  training.run();
  CHECK(training.state.curve.back().loss < training.state.curve.front().loss - 0.1);
  CHECK(training.state.moments.m.empty());
}

}  // namespace
}  // namespace nalar::train
