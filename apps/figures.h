#pragma once

#include <fmt/format.h>
#include <nalar/eval.h>

#include <cmath>
#include <string>

namespace nalar::apps {

// "0.1234"; "-" where there is none.
inline std::string figure(double value, int digits = 4) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

// "+0.1234"; "-" where there is none.
inline std::string difference_figure(double value) {
  return std::isfinite(value) ? fmt::format("{:+.4f}", value) : "-";
}

inline Json estimate_json(const Estimate& e) {
  return Json::Object{{"value", e.value}, {"error", e.error}};
}

}  // namespace nalar::apps
