#pragma once

#include <nalar/chat.h>
#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

#include "option_set.h"

namespace nalar::apps {

// Where the prompt comes from, and how it becomes what the model reads.
struct PromptFlags {
  std::optional<std::string> prompt;  // "-": the standard input
  std::optional<std::string> dash;    // "-": the standard input after the prompt
  std::optional<std::string> file;
  std::optional<std::string> system;  // TEXT or @FILE
  std::optional<std::string> template_file;
  std::vector<std::string> template_args;  // K=JSON
  bool raw = false;
  bool show_prompt = false;
};

void declare_prompt_flags(OptionSet& options, PromptFlags& flags);

// The prompt of one answer. nullopt: none is given and a person sits at the terminal. Errors: usage
// (nothing to read, an empty argument), bad_data (an empty or too large file or input), no_input.
std::optional<std::string> read_prompt(const PromptFlags& flags);

struct RenderedPrompt {
  std::string text;
  std::vector<TokenId> ids;
};

// Turns a conversation into ids: by the model's chat template or --template, or, raw, as it is.
class PromptMaker {
 public:
  // Errors: those of the template and of the files that options name.
  PromptMaker(const PromptFlags& flags, const ModelFiles& files,
              std::shared_ptr<const Tokenizer> tokenizer);

  // No template is used, because of --raw or because the model has none.
  bool raw() const { return !template_; }
  // The messages a conversation begins with: --system, or none.
  std::vector<ChatMessage> opening() const;
  RenderedPrompt chat(const std::vector<ChatMessage>& messages) const;
  RenderedPrompt completion(const std::string& text) const;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::optional<ChatTemplate> template_;
  RenderOptions render_;
  std::optional<std::string> system_;
};

}  // namespace nalar::apps
