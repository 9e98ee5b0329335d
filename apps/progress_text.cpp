#include "progress_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace nalar::apps {

std::string time_text(double seconds) {
  const auto s = static_cast<int64_t>(std::max(seconds, 0.0) + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

std::string progress_bar(int64_t done, int64_t total, int cells) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  const int full = std::clamp(static_cast<int>(share * cells), 0, cells);
  std::string text = "[" + std::string(static_cast<size_t>(full), '=');
  if (full < cells) text += ">" + std::string(static_cast<size_t>(cells - full - 1), ' ');
  return text + "]";
}

}  // namespace nalar::apps
