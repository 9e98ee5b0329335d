#pragma once

#include <nalar/finetune.h>

#include <cstdint>
#include <optional>
#include <string>

#include "io/file_system.h"
#include "report/event_file.h"
#include "train/output_folder.h"

namespace nalar::train {

// What is written while a training goes on: log.jsonl, and TensorBoard's event file where asked
// for.
class RunLog {
 public:
  struct Start {
    int64_t log_bytes = 0;              // of the log that stay
    std::optional<int64_t> resumed_at;  // the update that is the next
    bool tensorboard = false;
  };
  RunLog(io::FileSystem& files, const OutputFolder& folder, const Start& start);

  // Of kind update or evaluated.
  void add(const FinetuneEvent& event);
  void sync();
  int64_t log_bytes() const { return log_.bytes(); }

 private:
  LogFile log_;
  std::optional<report::EventFile> events_;
};

}  // namespace nalar::train
