#include "train/machine.h"

#include <nalar/error.h>

#include "io/file_system.h"

namespace nalar::train {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;
constexpr double kWorthIt = 1.3;  // times as fast: fewer digits should buy something

// The value of the first line "KEY  : VALUE".
std::string_view value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = line.substr(0, colon);
    while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
    if (name == key) return line.substr(std::min(line.size(), colon + 2));
  }
  return {};
}

}  // namespace

std::string parse_cpu_name(std::string_view text) {
  return std::string(value_of(text, "model name"));
}

std::string cpu_name() {
  try {
    return parse_cpu_name(io::read_file("/proc/cpuinfo", kMostBytes));
  } catch (const Error&) {
    return "";
  }
}

TrainDtype choose_dtype(TrainDtype asked, const std::function<double(TrainDtype)>& speed) {
  if (asked != TrainDtype::automatic) return asked;
  const bool faster = speed(TrainDtype::bf16) > kWorthIt * speed(TrainDtype::fp32);
  return faster ? TrainDtype::bf16 : TrainDtype::fp32;
}

}  // namespace nalar::train
