#pragma once

#include <nalar/finetune.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "train/train_state.h"
#include "train/trainable_model.h"
#include "train/update_plan.h"

namespace nalar::train {

enum class Ended { steps, early_stop, stopped, out_of_time };

struct TrainerHooks {
  // Progress; false stops the training.
  FinetuneProgress progress = [](const FinetuneEvent&) { return true; };
  // An update or an evaluation is done and stands at the end of the state's curves.
  std::function<void(const FinetuneEvent&)> log = [](const FinetuneEvent&) {};
  // Keeps the state as it is now. Called at most once a step.
  std::function<void()> save = [] {};
};

// What is trained, on what, and how far it is. Borrows everything.
struct TrainerParts {
  TrainableModel& model;
  const Rows& rows;
  const Rows& valid;  // none: nothing is evaluated, and the last values are the best
  UpdatePlan& plan;
  const FinetuneOptions& options;
  TrainState& state;
};

// The loop: gradients of an update's micro-batches, weighted so that their sum is that of the mean
// loss over all its learned tokens; clipping; the optimizer; evaluations and checkpoints when they
// are due. A stop is noticed between micro-batches: an update that is not whole leaves no trace.
class Trainer {
 public:
  Trainer(const TrainerParts& parts, TrainerHooks hooks);

  // Goes on from the state until the training ends; the state is saved then. Errors: bad_data with
  // the places of the rows, when a loss or a gradient is not finite: the values are those before
  // that update.
  Ended run();

 private:
  using Clock = std::chrono::steady_clock;

  bool evaluation_due() const;
  bool save_due() const;
  bool ended(Ended& how) const;
  void save();
  bool evaluate();  // false: stopped
  bool update();    // false: stopped
  // Adds the gradients of the next update and returns its mean loss; nullopt: stopped.
  std::optional<double> add_gradients(const data::Update& update);
  struct Applied {
    double lr, gradient_norm;
  };
  Applied apply_gradients(const data::Update& update);
  void count(const data::Update& update);
  [[noreturn]] void not_finite(const char* what, double value, const Rows& rows,
                               std::span<const int64_t> indices);

  FinetuneEvent event(FinetuneEvent::Kind kind) const;
  bool alive() const;
  double seconds() const;  // of this call of run()

  TrainerParts parts_;
  TrainState& state_;
  TrainerHooks hooks_;
  int64_t warmup_;
  int64_t first_step_;
  int64_t saved_at_;
  std::vector<std::vector<int64_t>> valid_batches_;
  double seconds_before_;
  Clock::time_point start_, saved_time_;
  std::deque<std::pair<double, int64_t>>
      recent_;  // seconds and tokens after each of the last updates
};

}  // namespace nalar::train
