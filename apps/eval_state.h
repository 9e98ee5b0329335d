#pragma once

#include <nalar/eval.h>

#include <chrono>
#include <optional>
#include <string>

#include "messages.h"
#include "stop_signals.h"

namespace nalar::apps {

// What one run of eval has done so far, step by step (a text, a task on a model): shown to a
// person, kept in a file so that a stopped run goes on, gone when all is done.
class EvalState {
 public:
  // `path`: the file, or nullopt. `key`: what must be equal for a run to go on (models, compute).
  // With `resume` the file is read. Errors: cannot_create where the file exists without `resume`;
  // bad_data where it is of another run.
  EvalState(std::optional<std::string> path, std::string key, bool resume, const Messages& log);

  // The control for the next step. An Error(try_again) from it says how to go on.
  EvalControl next_step();
  // Of the step that has ended: its last state is kept, so that going on passes over it quickly.
  void remove();

 private:
  bool on_event(const EvalEvent& event);
  void save(const Json& step);

  std::optional<std::string> path_;
  std::string key_;
  const Messages& log_;
  std::optional<StopSignals> signals_;  // where what is done can be kept
  Json::Array steps_;                   // states of steps, the last one of the step at work
  size_t step_ = 0;
  std::chrono::steady_clock::time_point start_, shown_;
  int64_t first_done_ = -1;
};

}  // namespace nalar::apps
