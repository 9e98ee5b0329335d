#include "eval_state.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>

#include <algorithm>
#include <cmath>

namespace nalar::apps {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;
constexpr std::chrono::seconds kBetweenLines{10};

std::string duration(double seconds) {
  const auto s = static_cast<int64_t>(std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  return s < 3600 ? fmt::format("{} min {:02} s", s / 60, s % 60)
                  : fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

}  // namespace

EvalState::EvalState(std::optional<std::string> path, std::string key, bool resume,
                     const Messages& log)
    : path_(std::move(path)), key_(std::move(key)), log_(log) {
  if (path_) signals_.emplace();
  if (!path_ || !resume) return;
  try {
    const Json json = parse_json(read_input(*path_, kMaxBytes), {.max_bytes = kMaxBytes});
    const Json* given = json.find("key");
    const Json* steps = json.find("steps");
    if (given == nullptr || !given->is_string() || steps == nullptr || !steps->is_array()) {
      throw Error(ErrorKind::bad_data, "it is no state of nalar eval");
    }
    if (given->as_string() != key_) {
      throw Error(ErrorKind::bad_data, "it is of another model or other settings");
    }
    steps_ = steps->as_array();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::no_input) throw error.in_file(*path_);
    // Nothing was stopped: from the beginning.
  }
}

EvalControl EvalState::next_step() {
  EvalControl control;
  if (step_ < steps_.size()) control.resume = steps_[step_];
  steps_.resize(std::max(steps_.size(), step_ + 1));
  ++step_;
  first_done_ = -1;
  control.on_event = [this](const EvalEvent& event) { return on_event(event); };
  control.save = [this](const Json& step) { save(step); };
  return control;
}

bool EvalState::on_event(const EvalEvent& event) {
  const auto now = std::chrono::steady_clock::now();
  if (first_done_ < 0) {
    first_done_ = event.done;
    start_ = shown_ = now;
  }
  if (now - shown_ >= kBetweenLines && event.done > first_done_) {
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double left = seconds * static_cast<double>(event.total - event.done) /
                        static_cast<double>(event.done - first_done_);
    log_.note(
        fmt::format("{}: {} of {}, {} left", event.what, event.done, event.total, duration(left)));
  }
  return !signals_ || !signals_->asked();
}

void EvalState::save(const Json& step) {
  steps_[step_ - 1] = step;
  if (!signals_ || !signals_->asked()) return;
  replace_file(*path_, to_text(Json::Object{{"key", key_}, {"steps", steps_}}) + "\n");
}

void EvalState::remove() {
  if (path_) remove_file(*path_);
}

}  // namespace nalar::apps
