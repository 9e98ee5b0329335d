#include "train/trainer.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/memory.h"
#include "train/lr_schedule.h"

namespace nalar::train {
namespace {

constexpr size_t kRecent = 16;  // updates that a speed "of late" is measured over
constexpr int64_t kNever = -1;

std::vector<int64_t> rows_of(const data::Update& update) {
  std::vector<int64_t> rows;
  for (const auto& batch : update.micro_batches)
    rows.insert(rows.end(), batch.begin(), batch.end());
  return rows;
}

std::vector<std::vector<float>> values_of(std::span<const Parameter> parameters) {
  std::vector<std::vector<float>> values;
  for (const Parameter& p : parameters) values.emplace_back(p.value.begin(), p.value.end());
  return values;
}

}  // namespace

Trainer::Trainer(const TrainerParts& parts, TrainerHooks hooks)
    : parts_(parts),
      state_(parts.state),
      hooks_(std::move(hooks)),
      warmup_(warmup_updates(parts.options.warmup, parts.plan.updates())),
      first_step_(state_.step),
      saved_at_(state_.step > 0 ? state_.step : kNever),
      valid_batches_(evaluation_batches(parts.valid, state_.batch_tokens, parts.options.packing)),
      seconds_before_(state_.seconds),
      start_(Clock::now()),
      saved_time_(start_) {}

Ended Trainer::run() {
  Ended how = Ended::stopped;
  while (true) {
    if (evaluation_due() && !evaluate()) break;
    if (ended(how)) break;
    if (save_due()) save();
    if (!update()) break;
  }
  state_.seconds = seconds_before_ + seconds();
  save();
  return how;
}

bool Trainer::evaluation_due() const {
  if (parts_.valid.size() == 0 || state_.evaluated_at == state_.step) return false;
  const int64_t every = parts_.options.eval_every;
  return state_.step == 0 || state_.step == parts_.plan.updates() ||
         (every > 0 ? state_.step % every == 0 : state_.update == 0);
}

bool Trainer::save_due() const {
  if (state_.step == 0 || state_.step == saved_at_) return false;
  const int64_t every = parts_.options.checkpoint_every;
  if (state_.update == 0) return true;  // the end of an epoch
  if (every > 0) return state_.step % every == 0;
  const std::chrono::duration<double, std::ratio<60>> minutes = Clock::now() - saved_time_;
  return minutes.count() >= parts_.options.checkpoint_minutes;
}

bool Trainer::ended(Ended& how) const {
  const FinetuneOptions& options = parts_.options;
  if (state_.step >= parts_.plan.updates()) {
    how = Ended::steps;
  } else if (options.early_stop > 0 && state_.without_better >= options.early_stop) {
    how = Ended::early_stop;
  } else if (options.max_seconds > 0 && seconds() >= options.max_seconds) {
    how = Ended::out_of_time;
  } else {
    return false;
  }
  return true;
}

void Trainer::save() {
  if (state_.step == saved_at_) return;
  state_.seconds = seconds_before_ + seconds();
  state_.peak_bytes = std::max(state_.peak_bytes, base::peak_memory());
  hooks_.save();
  saved_at_ = state_.step;
  saved_time_ = Clock::now();
}

bool Trainer::evaluate() {
  double sum = 0;
  int64_t learned = 0;
  for (const std::vector<int64_t>& rows : valid_batches_) {
    if (!alive()) return false;
    const double loss = parts_.model.loss(make_batch(parts_.valid, rows));
    if (!std::isfinite(loss)) not_finite("validation loss", loss, parts_.valid, rows);
    sum += loss;
    learned += learned_tokens(parts_.valid, rows);
  }
  const double loss = sum / static_cast<double>(learned);
  state_.evaluated_at = state_.step;
  state_.valid.push_back({state_.step, loss});
  if (!state_.first_valid_loss) state_.first_valid_loss = loss;
  if (!state_.best || loss < state_.best->loss) {
    state_.best = Best{state_.step, loss};
    state_.best_values = values_of(parts_.model.parameters());
    state_.without_better = 0;
  } else {
    ++state_.without_better;
  }
  FinetuneEvent evaluated = event(FinetuneEvent::Kind::evaluated);
  evaluated.valid_loss = loss;
  hooks_.log(evaluated);
  return hooks_.progress(evaluated);
}

bool Trainer::update() {
  if (recent_.empty()) recent_.emplace_back(seconds(), state_.tokens);
  const data::Update& update = parts_.plan.update(state_.epoch, state_.update);
  const std::optional<double> loss = add_gradients(update);
  if (!loss) return false;
  const Applied applied = apply_gradients(update);
  count(update);
  state_.train_loss = *loss;

  FinetuneEvent done = event(FinetuneEvent::Kind::update);
  done.lr = applied.lr;
  done.gradient_norm = applied.gradient_norm;
  state_.curve.push_back(
      {state_.step, *loss, applied.lr, applied.gradient_norm, done.tokens_per_s});
  hooks_.log(done);
  return hooks_.progress(done);
}

void Trainer::count(const data::Update& update) {
  for (const std::vector<int64_t>& rows : update.micro_batches) {
    state_.label_tokens += learned_tokens(parts_.rows, rows);
    state_.tokens += tokens(parts_.rows, rows);
  }
  ++state_.step;
  if (++state_.update == parts_.plan.updates_of(state_.epoch)) {
    ++state_.epoch;
    state_.update = 0;
  }
  recent_.emplace_back(seconds(), state_.tokens);
  if (recent_.size() > kRecent) recent_.pop_front();
}

std::optional<double> Trainer::add_gradients(const data::Update& update) {
  int64_t learned = 0;
  for (const auto& rows : update.micro_batches) learned += learned_tokens(parts_.rows, rows);
  const auto weight = static_cast<float>(1.0 / static_cast<double>(learned));
  TrainableModel& model = parts_.model;
  model.clear_gradients();
  double sum = 0;
  for (const std::vector<int64_t>& rows : update.micro_batches) {
    if (!alive()) return std::nullopt;
    const double loss = model.add_gradients(make_batch(parts_.rows, rows), weight,
                                            static_cast<uint64_t>(state_.step));
    if (!std::isfinite(loss)) not_finite("loss", loss, parts_.rows, rows);
    sum += loss;
  }
  return sum / static_cast<double>(learned);
}

Trainer::Applied Trainer::apply_gradients(const data::Update& update) {
  const FinetuneOptions& options = parts_.options;
  const std::span<Parameter> parameters = parts_.model.parameters();
  const double norm = gradient_norm(parameters);
  if (!std::isfinite(norm)) not_finite("gradient", norm, parts_.rows, rows_of(update));
  clip_gradients(parameters, norm, options.clip);
  const double lr =
      options.lr * lr_factor(options.schedule, state_.step, parts_.plan.updates(), warmup_);
  const StepOptions step{.lr = lr, .weight_decay = options.weight_decay, .step = state_.step + 1};
  if (options.optimizer == Optimizer::adamw) {
    adamw_step(parameters, state_.moments, step);
  } else {
    sgd_step(parameters, step);
  }
  parts_.model.parameters_changed();
  return {lr, norm};
}

void Trainer::not_finite(const char* what, double value, const Rows& rows,
                         std::span<const int64_t> indices) {
  // Which of them it is, if one does it alone.
  std::vector<int64_t> culprits;
  for (const int64_t i : indices) {
    if (!std::isfinite(parts_.model.loss(make_batch(rows, std::span(&i, 1))))) {
      culprits.push_back(i);
    }
  }
  if (culprits.empty()) culprits.assign(indices.begin(), indices.end());
  save();
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: {} of update {}: got {}, need a finite one: stopped before it",
                          rows.places(culprits), what, state_.step + 1, value),
              "look at these rows; a lower --lr, or --dtype fp32");
}

FinetuneEvent Trainer::event(FinetuneEvent::Kind kind) const {
  FinetuneEvent event;
  event.kind = kind;
  event.step = state_.step;
  event.steps = parts_.plan.updates();
  event.epoch = static_cast<double>(state_.epoch) +
                static_cast<double>(state_.update) /
                    static_cast<double>(parts_.plan.updates_of(state_.epoch));
  event.loss = state_.train_loss;
  event.tokens = state_.tokens;
  event.label_tokens = state_.label_tokens;
  const double now = seconds();
  event.seconds = seconds_before_ + now;
  if (recent_.size() > 1) {
    const auto& [since, tokens] = recent_.front();
    event.tokens_per_s = static_cast<double>(state_.tokens - tokens) / (now - since);
  }
  if (const int64_t done = state_.step - first_step_; done > 0) {
    event.seconds_left =
        now / static_cast<double>(done) * static_cast<double>(event.steps - state_.step);
  }
  event.peak_bytes = std::max(state_.peak_bytes, base::peak_memory());
  return event;
}

bool Trainer::alive() const { return hooks_.progress(event(FinetuneEvent::Kind::alive)); }

double Trainer::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

}  // namespace nalar::train
