#include "commands.h"

#include "bench.h"
#include "convert.h"
#include "eval.h"
#include "finetune.h"
#include "inspect.h"
#include "quantize.h"
#include "run.h"

namespace nalar::apps {

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(std::make_unique<RunCommand>());
  commands.push_back(std::make_unique<FinetuneCommand>());
  commands.push_back(std::make_unique<EvalCommand>());
  commands.push_back(std::make_unique<QuantizeCommand>());
  commands.push_back(std::make_unique<ConvertCommand>());
  commands.push_back(std::make_unique<InspectCommand>());
  commands.push_back(std::make_unique<BenchCommand>());
  return commands;
}

}  // namespace nalar::apps
