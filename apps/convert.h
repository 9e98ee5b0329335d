#pragma once

#include <nalar/convert.h>

#include "command.h"
#include "model_flags.h"

namespace nalar::apps {

// nalar convert: a model or an adapter in another form.
class ConvertCommand : public Command {
 public:
  const char* name() const override { return "convert"; }
  const char* arguments() const override { return "MODEL OUT [OPTIONS]"; }
  const char* about() const override {
    return "turns a model or an adapter into another form, and merges adapters";
  }
  const char* notes() const override;
  void declare(OptionSet& options) override;
  void run(const OptionSet& options, Streams& streams) override;

 private:
  ConvertOptions convert_options(const Model& model) const;
  ConvertTarget target() const;
  ConvertResult convert(std::shared_ptr<const Model> model, const Messages& log) const;

  ModelFlags model_;
  std::optional<std::string> out_;
  std::string to_ = "auto";
  std::string dtype_ = "auto";
  std::optional<std::string> split_size_;
  bool allow_requantize_ = false;
};

}  // namespace nalar::apps
