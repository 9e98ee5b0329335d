#pragma once

#include <nalar/generate.h>

#include "command.h"
#include "model_flags.h"
#include "prompt_flags.h"
#include "sampling_flags.h"

namespace nalar::apps {

// nalar run: one answer, or a chat.
class RunCommand : public Command {
 public:
  const char* name() const override { return "run"; }
  const char* arguments() const override { return "MODEL [PROMPT] [-] [OPTIONS]"; }
  const char* about() const override {
    return "generates: one answer, or a chat when no prompt is given";
  }
  const char* notes() const override;
  void declare(OptionSet& options) override;
  void run(const OptionSet& options, Streams& streams) override;

 private:
  void check() const;
  void show_prompt(const RenderedPrompt& prompt, const Tokenizer& tokenizer, Output& out) const;
  GenerateOptions generate_options(const OptionSet& options, const Model& model,
                                   const Tokenizer& tokenizer, const Messages& log) const;
  void answer(Generator& generator, const RenderedPrompt& prompt, const GenerateOptions& options,
              double load_s, Streams& streams) const;

  ModelFlags model_;
  PromptFlags prompt_;
  SamplingFlags sampling_;
  int max_tokens_ = 0;
  std::vector<std::string> stop_;
  bool ignore_eos_ = false;
  std::optional<int> logprobs_;
  std::string on_overflow_ = "error";
  std::optional<std::string> history_;
  bool raw_output_ = false;
};

}  // namespace nalar::apps
