#include "finetune_progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace nalar::apps {
namespace {

constexpr double kSecondsBetweenLines = 10;
constexpr int kLongestBar = 40;
constexpr int kShortestBar = 8;

std::string memory_text(int64_t bytes) {
  return fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

std::string status_text(const FinetuneEvent& e, int columns) {
  const std::string head = fmt::format("{}/{}", e.step, e.steps);
  const std::string parts[] = {fmt::format("loss {:.3f}", e.loss),
                               fmt::format("{:.0f} tokens/s", e.tokens_per_s),
                               time_text(e.seconds_left) + " left", memory_text(e.peak_bytes)};
  // A terminal wraps a line that fills the last column.
  int room = columns - 1 - static_cast<int>(head.size());
  std::string tail;
  for (const std::string& part : parts) {
    const int width = static_cast<int>(part.size()) + 2;
    if (width > room) break;
    tail += "  " + part;
    room -= width;
  }
  const int cells = std::min(room - 3, kLongestBar);
  return head + (cells < kShortestBar ? "" : " " + progress_bar(e.step, e.steps, cells)) + tail;
}

std::string update_text(const FinetuneEvent& e) {
  return fmt::format(
      "update {}/{}: loss {:.3f}, lr {:.3g}, gradient norm {:.3g}, {:.0f} tokens/s, {} left, {}",
      e.step, e.steps, e.loss, e.lr, e.gradient_norm, e.tokens_per_s, time_text(e.seconds_left),
      memory_text(e.peak_bytes));
}

void FinetuneDisplay::show(const FinetuneEvent& e) {
  switch (e.kind) {
    case FinetuneEvent::Kind::started:
    case FinetuneEvent::Kind::notice:
      return log_.note(e.text);
    case FinetuneEvent::Kind::update:
      return update(e);
    case FinetuneEvent::Kind::evaluated:
      return log_.note(fmt::format("update {}: validation loss {:.4f}", e.step, e.valid_loss));
    case FinetuneEvent::Kind::saved:
      return log_.detail("saved " + e.text);
    case FinetuneEvent::Kind::ended:
      return Messages::status("");
    case FinetuneEvent::Kind::alive:
      return;
  }
}

void FinetuneDisplay::update(const FinetuneEvent& e) {
  if (over_) {
    Messages::status(status_text(e, columns_));
    if (log_.verbose) Messages::line(update_text(e));
  } else if (log_.verbose || e.seconds >= next_line_ || e.step == e.steps) {
    log_.note(update_text(e));
    next_line_ = e.seconds + kSecondsBetweenLines;
  }
}

Json result_json(const FinetuneResult& r) {
  const auto number = [](const std::optional<double>& v) { return v ? Json(*v) : Json(); };
  return Json::Object{{"steps", r.steps},
                      {"tokens", r.tokens},
                      {"label_tokens", r.label_tokens},
                      {"train_loss", r.train_loss},
                      {"valid_loss", number(r.valid_loss)},
                      {"valid_loss_before", number(r.first_valid_loss)},
                      {"best_step", r.best_step},
                      {"seconds", r.seconds},
                      {"tokens_per_s", r.tokens_per_s},
                      {"peak_bytes", r.peak_bytes}};
}

std::string result_text(const FinetuneResult& r) {
  std::string out = fmt::format("updates          {}\n", r.steps);
  out += fmt::format("tokens           {}, learned {}\n", r.tokens, r.label_tokens);
  out += fmt::format("training loss    {:.4f}\n", r.train_loss);
  if (r.valid_loss) {
    out += r.first_valid_loss ? fmt::format("validation loss  {:.4f} → {:.4f}, best at update {}\n",
                                            *r.first_valid_loss, *r.valid_loss, r.best_step)
                              : fmt::format("validation loss  {:.4f}, best at update {}\n",
                                            *r.valid_loss, r.best_step);
  }
  out +=
      fmt::format("time             {}, {:.1f} tokens/s\n", time_text(r.seconds), r.tokens_per_s);
  return out + fmt::format("peak memory      {}\n", memory_text(r.peak_bytes));
}

}  // namespace nalar::apps
