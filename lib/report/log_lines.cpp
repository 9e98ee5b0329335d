#include "report/log_lines.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <algorithm>
#include <map>

namespace nalar::report {
namespace {

double number(const Json& line, const char* key) {
  const Json* value = line.find(key);
  // Json writes a number that is not finite as null.
  if (value == nullptr || !value->is_number()) {
    throw Error(ErrorKind::bad_data, fmt::format("(key {}): got {}, need a number", key,
                                                 value == nullptr ? "none" : value->kind_name()));
  }
  return value->as_double();
}

int64_t step_of(const Json& line) {
  const Json* value = line.find("step");
  if (value == nullptr || !value->is_integer()) {
    throw Error(ErrorKind::bad_data, "(key step): need an integer");
  }
  return value->as_int64();
}

void take_line(std::string_view text, std::map<int64_t, CurvePoint>& curve,
               std::map<int64_t, ValidPoint>& valid) {
  const Json line = parse_json(text);
  const int64_t step = step_of(line);
  if (line.find("valid_loss") != nullptr) {
    valid[step] = {step, number(line, "valid_loss")};
  } else {
    curve[step] = {step, number(line, "loss"), number(line, "lr"), number(line, "gradient_norm"),
                   number(line, "tokens_per_s")};
  }
}

template <typename T>
std::vector<T> values(const std::map<int64_t, T>& by_step) {
  std::vector<T> all;
  for (const auto& [step, value] : by_step) all.push_back(value);
  return all;
}

}  // namespace

std::string log_line(const UpdateLine& line) {
  return to_text(Json::Object{{"step", line.step},
                              {"epoch", line.epoch},
                              {"loss", line.loss},
                              {"lr", line.lr},
                              {"gradient_norm", line.gradient_norm},
                              {"tokens", line.tokens},
                              {"label_tokens", line.label_tokens},
                              {"tokens_per_s", line.tokens_per_s},
                              {"seconds", line.seconds}}) +
         "\n";
}

std::string log_line(const ValidLine& line) {
  return to_text(Json::Object{{"step", line.step},
                              {"epoch", line.epoch},
                              {"valid_loss", line.valid_loss},
                              {"seconds", line.seconds}}) +
         "\n";
}

Curves parse_log(std::string_view text) {
  std::map<int64_t, CurvePoint> curve;
  std::map<int64_t, ValidPoint> valid;
  for (int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    try {
      take_line(line, curve, valid);
    } catch (const Error& e) {
      throw Error(e.kind(), fmt::format("(line {}) {}", number, e.what()));
    }
  }
  return {values(curve), values(valid)};
}

}  // namespace nalar::report
