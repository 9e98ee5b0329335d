#include "report/event_file.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <bit>

#include "io/file_modes.h"
#include "report/crc32c.h"

namespace nalar::report {
namespace {

// Field numbers of tensorboard's event.proto and summary.proto.
enum EventField { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7 };
enum SummaryField { kValue = 1 };
enum ValueField { kTag = 1, kSimpleValue = 2 };
enum SessionLogField { kStatus = 1 };
constexpr uint64_t kStatusStart = 1;

// Numbers of N bytes, lowest first.
template <typename T>
std::string little_endian(T value) {
  std::string out;
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// A protobuf message: each field is a key (number and wire type) and its value.
class Message {
 public:
  void integer(int field, uint64_t value) {
    key(field, 0);
    varint(value);
  }
  void number(int field, double value) {
    key(field, 1);
    bytes_ += little_endian(std::bit_cast<uint64_t>(value));
  }
  void number(int field, float value) {
    key(field, 5);
    bytes_ += little_endian(std::bit_cast<uint32_t>(value));
  }
  void text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<uint64_t>(field << 3 | wire_type)); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

Message event(int64_t step, double wall_time) {
  Message message;
  message.number(kWallTime, wall_time);
  message.integer(kStep, static_cast<uint64_t>(step));
  return message;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// A run may be stopped and go on within a second: then a number follows, so that names still sort
// in the order in which the files were made.
std::string free_path(io::FileSystem& files, const std::string& folder, double wall_time,
                      int64_t step) {
  const std::string path = fmt::format("{}/events.out.tfevents.{:010}.nalar.{}", folder,
                                       static_cast<int64_t>(wall_time), step);
  if (files.kind(path) == io::PathKind::missing) return path;
  for (int n = 1;; ++n) {
    std::string next = fmt::format("{}.{}", path, n);
    if (files.kind(next) == io::PathKind::missing) return next;
  }
}

}  // namespace

EventFile::EventFile(io::FileSystem& files, const std::string& folder, double wall_time,
                     std::optional<int64_t> resumed_at)
    : path_(free_path(files, folder, wall_time, resumed_at.value_or(0))),
      file_(files.create(path_, io::kSharedFile)) {
  Message version;
  version.number(kWallTime, wall_time);
  version.text(kFileVersion, "brain.Event:2");
  record(version.bytes());
  if (!resumed_at) return;
  Message start;
  start.integer(kStatus, kStatusStart);
  Message message = event(*resumed_at, wall_time);
  message.text(kSessionLog, start.bytes());
  record(message.bytes());
}

EventFile::~EventFile() {
  try {
    file_->close();
  } catch (const Error&) {
    // Curves for a person to look at: the run itself is in log.jsonl.
  }
}

void EventFile::add(int64_t step, double wall_time, std::span<const Scalar> scalars) {
  Message summary;
  for (const Scalar& scalar : scalars) {
    Message value;
    value.text(kTag, scalar.tag);
    value.number(kSimpleValue, static_cast<float>(scalar.value));
    summary.text(kValue, value.bytes());
  }
  Message message = event(step, wall_time);
  message.text(kSummary, summary.bytes());
  record(message.bytes());
}

void EventFile::sync() { file_->sync(); }

void EventFile::record(std::string_view event) {
  const std::string length = little_endian(uint64_t{event.size()});
  std::string framed = length + little_endian(masked_crc32c(bytes_of(length)));
  framed += event;
  framed += little_endian(masked_crc32c(bytes_of(event)));
  file_->write(bytes_of(framed));
}

}  // namespace nalar::report
