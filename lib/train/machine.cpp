#include "train/machine.h"

#include <nalar/error.h>

#include "io/file_system.h"

namespace nalar::train {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;

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

bool has_word(std::string_view words, std::string_view word) {
  const std::string padded = " " + std::string(words) + " ";
  return padded.find(" " + std::string(word) + " ") != std::string::npos;
}

}  // namespace

CpuInfo parse_cpu_info(std::string_view text) {
  const std::string_view flags = value_of(text, "flags");
  return {std::string(value_of(text, "model name")),
          has_word(flags, "avx512_bf16") || has_word(flags, "amx_bf16")};
}

CpuInfo cpu_info() {
  try {
    return parse_cpu_info(io::read_file("/proc/cpuinfo", kMostBytes));
  } catch (const Error&) {
    return {};
  }
}

TrainDtype choose_dtype(TrainDtype asked, const CpuInfo& cpu) {
  if (asked != TrainDtype::automatic) return asked;
  return cpu.bf16_products ? TrainDtype::bf16 : TrainDtype::fp32;
}

}  // namespace nalar::train
