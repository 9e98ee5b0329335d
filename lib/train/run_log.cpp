#include "train/run_log.h"

#include <array>
#include <chrono>

#include "report/log_lines.h"

namespace nalar::train {
namespace {

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

RunLog::RunLog(io::FileSystem& files, const OutputFolder& folder, const Start& start)
    : log_(files, folder.path_of("log.jsonl"), start.log_bytes) {
  if (start.tensorboard) events_.emplace(files, folder.path(), wall_time(), start.resumed_at);
}

void RunLog::add(const FinetuneEvent& event) {
  if (event.kind == FinetuneEvent::Kind::evaluated) {
    log_.add(report::log_line(report::ValidLine{.step = event.step,
                                                .epoch = event.epoch,
                                                .valid_loss = event.valid_loss,
                                                .seconds = event.seconds}));
    const std::array scalars{report::Scalar{"valid_loss", event.valid_loss}};
    if (events_) events_->add(event.step, wall_time(), scalars);
    return;
  }
  log_.add(report::log_line(report::UpdateLine{.step = event.step,
                                               .epoch = event.epoch,
                                               .loss = event.loss,
                                               .lr = event.lr,
                                               .gradient_norm = event.gradient_norm,
                                               .tokens = event.tokens,
                                               .label_tokens = event.label_tokens,
                                               .tokens_per_s = event.tokens_per_s,
                                               .seconds = event.seconds}));
  const std::array scalars{report::Scalar{"loss", event.loss}, report::Scalar{"lr", event.lr},
                           report::Scalar{"gradient_norm", event.gradient_norm},
                           report::Scalar{"tokens_per_s", event.tokens_per_s}};
  if (events_) events_->add(event.step, wall_time(), scalars);
}

void RunLog::sync() {
  log_.sync();
  if (events_) events_->sync();
}

}  // namespace nalar::train
