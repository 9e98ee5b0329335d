#pragma once

#include <nalar/quantize.h>

#include "command.h"
#include "model_flags.h"

namespace nalar::apps {

// nalar quantize: a model made smaller, and what that cost.
class QuantizeCommand : public Command {
 public:
  const char* name() const override { return "quantize"; }
  const char* arguments() const override { return "MODEL OUT.gguf [OPTIONS]"; }
  const char* about() const override {
    return "makes a model smaller, and measures and records what that cost";
  }
  const char* notes() const override;
  void declare(OptionSet& options) override;
  void run(const OptionSet& options, Streams& streams) override;

 private:
  QuantizeOptions options() const;

  ModelFlags model_;
  std::optional<std::string> out_;
  std::vector<std::string> tensors_;
  std::optional<std::string> type_, output_type_, embedding_type_, target_size_;
  bool no_feedback_ = false;
  QuantizeOptions given_;
};

}  // namespace nalar::apps
