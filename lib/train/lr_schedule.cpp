#include "train/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nalar::train {

int64_t warmup_updates(double share, int64_t updates) {
  return static_cast<int64_t>(std::ceil(share * static_cast<double>(updates)));
}

double lr_factor(Schedule schedule, int64_t i, int64_t n, int64_t warmup) {
  if (i < warmup) return static_cast<double>(i) / static_cast<double>(warmup);
  const double progress =
      static_cast<double>(i - warmup) / static_cast<double>(std::max<int64_t>(1, n - warmup));
  switch (schedule) {
    case Schedule::constant:
      return 1;
    case Schedule::linear:
      return std::max(0.0, 1 - progress);
    case Schedule::cosine:
      return std::max(0.0, 0.5 * (1 + std::cos(std::numbers::pi * progress)));
  }
  return 1;
}

}  // namespace nalar::train
