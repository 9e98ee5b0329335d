#pragma once

#include <nalar/bench.h>

#include "command.h"
#include "model_flags.h"

namespace nalar::apps {

// nalar bench: speed and memory on this machine.
class BenchCommand : public Command {
 public:
  const char* name() const override { return "bench"; }
  const char* arguments() const override { return "MODEL [OPTIONS]"; }
  const char* about() const override { return "measures speed and memory on this machine"; }
  const char* notes() const override;
  void declare(OptionSet& options) override;
  void run(const OptionSet& options, Streams& streams) override;

 private:
  ModelFlags model_;
  BenchOptions bench_;
};

}  // namespace nalar::apps
