#include "eval_state.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <unistd.h>

#include <algorithm>

#include "progress_text.h"
#include "terminal.h"

namespace nalar::apps {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;
constexpr std::chrono::seconds kBetweenLines{10};
constexpr std::chrono::milliseconds kBetweenStatuses{200};
constexpr int kLongestBar = 40;
constexpr int kShortestBar = 8;

double seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

// The state of a stopped run; nullopt where there is no such file. Another file stays as it is.
std::optional<Json> left_by_a_run(const std::string& path, bool resume) {
  if (!file_exists(path)) return std::nullopt;
  try {
    Json json = parse_json(read_input(path, kMaxBytes), {.max_bytes = kMaxBytes});
    const Json* const key = json.find("key");
    const Json* const steps = json.find("steps");
    if (key != nullptr && key->is_string() && steps != nullptr && steps->is_array()) return json;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_data) throw;
  }
  throw Error(resume ? ErrorKind::bad_data : ErrorKind::cannot_create,
              "it is there and no state of nalar eval")
      .in_file(path);
}

}  // namespace

std::string status_text(const EvalEvent& event, double seconds_left, int columns) {
  std::string text = fmt::format("{}: {}/{}", event.what, event.done, event.total);
  const std::string left = seconds_left < 0 ? "" : "  " + time_text(seconds_left) + " left";
  // A terminal wraps a line that fills the last column.
  const int room = columns - 1 - static_cast<int>(text.size());
  const int cells = std::min(room - static_cast<int>(left.size()) - 3, kLongestBar);
  if (cells >= kShortestBar) text += " " + progress_bar(event.done, event.total, cells);
  return static_cast<int>(left.size()) <= room ? text + left : text;
}

EvalState::EvalState(Options options, const Messages& log)
    : options_(std::move(options)),
      log_(log),
      over_(!log.quiet && can_overwrite(STDERR_FILENO)),
      saved_(Clock::now()) {
  if (!options_.path) return;
  signals_.emplace();
  const std::optional<Json> left = left_by_a_run(*options_.path, options_.resume);
  if (!left) return;  // from the beginning
  if (!options_.resume) {
    log_.note(*options_.path +
              ": what a stopped run left there is written over; --resume goes on with it");
    return;
  }
  if (left->find("key")->as_string() != options_.key) {
    throw Error(ErrorKind::bad_data, "it is of another model or other settings")
        .in_file(*options_.path);
  }
  steps_ = left->find("steps")->as_array();
}

EvalControl EvalState::next_step() {
  EvalControl control;
  if (step_ < steps_.size()) control.resume = steps_[step_];
  steps_.resize(std::max(steps_.size(), step_ + 1));
  ++step_;
  first_done_ = -1;
  Messages::status("");
  control.on_event = [this](const EvalEvent& event) { return on_event(event); };
  control.save = [this](const Json& step) { save(step); };
  control.save_due = [this] { return save_due(); };
  return control;
}

bool EvalState::on_event(const EvalEvent& event) {
  const Clock::time_point now = Clock::now();
  if (first_done_ < 0) {
    first_done_ = event.done;
    start_ = shown_ = now;
  }
  const Clock::duration between = over_ ? Clock::duration(kBetweenStatuses) : kBetweenLines;
  if (now - shown_ >= between) show(event, now);
  return !signals_ || !signals_->asked();
}

void EvalState::show(const EvalEvent& event, Clock::time_point now) {
  const int64_t done = event.done - first_done_;
  const double left = done > 0
                          ? seconds(now - start_) * static_cast<double>(event.total - event.done) /
                                static_cast<double>(done)
                          : -1;
  if (over_) {
    Messages::status(status_text(event, left, terminal_columns(STDERR_FILENO)));
  } else if (done > 0) {
    log_.note(
        fmt::format("{}: {} of {}, {} left", event.what, event.done, event.total, time_text(left)));
  } else {
    return;
  }
  shown_ = now;
}

bool EvalState::save_due() const {
  return options_.path && Clock::now() - saved_ >= std::chrono::seconds(options_.save_every);
}

void EvalState::save(const Json& step) {
  steps_[step_ - 1] = step;
  if (!save_due() && (!signals_ || !signals_->asked())) return;
  replace_file(*options_.path,
               to_text(Json::Object{{"key", options_.key}, {"steps", steps_}}) + "\n");
  saved_ = Clock::now();
}

void EvalState::remove() {
  Messages::status("");
  if (options_.path) remove_file(*options_.path);
}

}  // namespace nalar::apps
