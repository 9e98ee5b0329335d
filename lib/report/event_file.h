#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace nalar::report {

struct Scalar {
  std::string_view tag;  // "loss", "lr", "gradient_norm", "tokens_per_s", "valid_loss"
  double value;          // stored as a float
};

// A TensorBoard event file: TFRecords (length, masked CRC-32C, data, masked CRC-32C) of Event
// messages, written by hand as tensorboard's event.proto and summary.proto number their fields.
// Wall times are seconds since 1970.
class EventFile {
 public:
  // Makes events.out.tfevents.SECONDS.nalar.STEP in `folder`, with .1, .2, … where that is taken. A run that goes on after a stop opens
  // a new file with `resumed_at`, the first step it will do: what earlier files hold of that step
  // and later ones is void. Errors: cannot_create, io.
  EventFile(io::FileSystem& files, const std::string& folder, double wall_time,
            std::optional<int64_t> resumed_at = std::nullopt);
  // Keeps the file.
  ~EventFile();

  // Errors: io.
  void add(int64_t step, double wall_time, std::span<const Scalar> scalars);
  void sync();

  const std::string& path() const { return path_; }

 private:
  void record(std::string_view event);

  std::string path_;
  std::unique_ptr<io::OutputFile> file_;
};

}  // namespace nalar::report
