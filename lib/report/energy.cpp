#include "report/energy.h"

#include <nalar/error.h>

#include <charconv>

#include "io/file_system.h"

namespace nalar::report {
namespace {

constexpr size_t kMaxBytes = 4096;
constexpr double kMicro = 1e-6;

std::optional<std::string> read_if_any(const std::string& path) {
  try {
    return io::read_file(path, kMaxBytes);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<uint64_t> read_number(const std::string& path) {
  const std::optional<std::string> text = read_if_any(path);
  if (!text) return std::nullopt;
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::vector<std::string> zones(const std::string& powercap) {
  try {
    return io::file_system().list(powercap);
  } catch (const Error&) {
    return {};
  }
}

// A zone of the processor as a whole: "intel-rapl:0" (AMD's too) is one, unless it is the
// platform's
// ("psys"); "intel-rapl:0:1" is a part of it and "intel-rapl-mmio:0" the same once more.
bool is_package(const std::string& powercap, const std::string& zone) {
  constexpr std::string_view kPrefix = "intel-rapl:";
  if (!zone.starts_with(kPrefix) || zone.find(':', kPrefix.size()) != std::string::npos) {
    return false;
  }
  return read_if_any(powercap + "/" + zone + "/name").value_or("").starts_with("package");
}

}  // namespace

EnergyMeter::EnergyMeter(const std::string& powercap) {
  for (const std::string& zone : zones(powercap)) {
    if (!is_package(powercap, zone)) continue;
    const std::string folder = powercap + "/" + zone;
    const auto range = read_number(folder + "/max_energy_range_uj");
    const auto now = read_number(folder + "/energy_uj");
    if (range && now) counters_.push_back({folder + "/energy_uj", *range, *now, 0});
  }
}

std::optional<double> EnergyMeter::joules() {
  uint64_t used = 0;
  for (Counter& counter : counters_) {
    const auto now = read_number(counter.path);
    if (!now) return std::nullopt;
    const bool wrapped = *now < counter.last;
    counter.used += wrapped ? counter.range - counter.last + *now : *now - counter.last;
    counter.last = *now;
    used += counter.used;
  }
  if (counters_.empty()) return std::nullopt;
  return static_cast<double>(used) * kMicro;
}

}  // namespace nalar::report
