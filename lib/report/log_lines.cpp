#include "report/log_lines.h"

#include <nalar/json.h>

namespace nalar::report {

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

}  // namespace nalar::report
