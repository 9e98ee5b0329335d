#pragma once

#include "command.h"
#include "finetune_flags.h"

namespace nalar::apps {

// nalar finetune: trains an adapter, or all weights, on local data.
class FinetuneCommand : public Command {
 public:
  const char* name() const override { return "finetune"; }
  const char* arguments() const override { return "MODEL DATA… -o DIR [OPTIONS]"; }
  const char* about() const override {
    return "trains a LoRA adapter (or all weights) on local data";
  }
  const char* notes() const override;
  void declare(OptionSet& options) override;
  void run(const OptionSet& options, Streams& streams) override;

 private:
  void preview(const Model& model, const FinetuneOptions& options, Streams& streams) const;
  void plan(std::shared_ptr<const Model> model, const FinetuneOptions& options,
            Streams& streams) const;
  void train(std::shared_ptr<const Model> model, const FinetuneOptions& options,
             Streams& streams) const;

  FinetuneFlags flags_;
};

}  // namespace nalar::apps
