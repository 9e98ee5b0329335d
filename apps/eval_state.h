#pragma once

#include <nalar/eval.h>

#include <chrono>
#include <optional>
#include <string>

#include "messages.h"
#include "stop_signals.h"

namespace nalar::apps {

// "arc_easy: 50/200 [====>              ]  1 min 05 s left" in `columns`; what has no room is left
// out, the bar first. `seconds_left` below 0: not known yet.
std::string status_text(const EvalEvent& event, double seconds_left, int columns);

// What one run of eval has done so far, step by step (a text, a task on a model): shown to a
// person, kept in a file so that a stopped or killed run goes on, gone when all is done.
class EvalState {
 public:
  struct Options {
    std::optional<std::string> path;  // the file, where there is one
    std::string key;                  // what must be equal for a run to go on (models, compute)
    bool resume = false;              // the file is read
    int save_every = 30;              // seconds
  };
  // Errors: bad_data where the file is of another run, or is none of a run; then without `resume`
  // cannot_create.
  EvalState(Options options, const Messages& log);
  ~EvalState() { Messages::status(""); }
  EvalState(const EvalState&) = delete;
  EvalState& operator=(const EvalState&) = delete;

  // The control for the next step. An Error(try_again) from it says how to go on.
  EvalControl next_step();
  // All is done: nothing of it is left on the terminal or on the disk.
  void remove();

 private:
  using Clock = std::chrono::steady_clock;
  bool on_event(const EvalEvent& event);
  void show(const EvalEvent& event, Clock::time_point now);
  bool save_due() const;
  void save(const Json& step);

  Options options_;
  const Messages& log_;
  bool over_;                           // a line of the terminal can be written over
  std::optional<StopSignals> signals_;  // where what is done can be kept
  Json::Array steps_;                   // states of steps, the last one of the step at work
  size_t step_ = 0;
  Clock::time_point start_, shown_, saved_;
  int64_t first_done_ = -1;
};

}  // namespace nalar::apps
