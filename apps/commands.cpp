#include "commands.h"

#include "bench.h"
#include "eval.h"
#include "finetune.h"
#include "inspect.h"
#include "quantize.h"
#include "run.h"

namespace nalar::apps {
namespace {

class LaterCommand : public Command {
 public:
  explicit LaterCommand(const char* name) : name_(name) {}
  const char* name() const override { return name_; }
  const char* arguments() const override { return ""; }
  const char* about() const override { return ""; }
  bool later() const override { return true; }
  void declare(OptionSet&) override {}
  void run(const OptionSet&, Streams&) override {}

 private:
  const char* name_;
};

}  // namespace

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(std::make_unique<RunCommand>());
  commands.push_back(std::make_unique<FinetuneCommand>());
  commands.push_back(std::make_unique<EvalCommand>());
  commands.push_back(std::make_unique<InspectCommand>());
  commands.push_back(std::make_unique<BenchCommand>());
  commands.push_back(std::make_unique<QuantizeCommand>());
  commands.push_back(std::make_unique<LaterCommand>("convert"));
  return commands;
}

}  // namespace nalar::apps
