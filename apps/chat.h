#pragma once

#include <nalar/generate.h>

#include "command.h"
#include "line_editor.h"
#include "prompt_flags.h"

namespace nalar::apps {

std::vector<ChatMessage> with_user(std::vector<ChatMessage> messages, std::string text);

// Errors: usage, when no prompt was given and a chat cannot be held either.
void check_chat(const PromptMaker& maker, const CommonFlags& common, const Output& out);

// A conversation at a terminal.
class Chat {
 public:
  Chat(Generator& generator, const PromptMaker& maker, const GenerateOptions& options,
       Streams& streams, std::optional<std::string> history_file);

  // Returns when the person ends it. Ctrl-C stops an answer; a second one without a word between
  // them ends the process by SIGINT.
  void run(const std::string& title);

 private:
  // nullopt: the end.
  std::optional<std::string> read_message();
  std::optional<std::string> read_line(const char* prompt);
  void interrupted(bool line_was_empty);
  // False when the chat ends.
  bool command(const std::string& line);
  void save(const std::string& path);
  void set_system(const std::string& text);
  void answer(const std::string& text);

  Generator& generator_;
  const PromptMaker& maker_;
  const GenerateOptions& options_;
  Streams& streams_;
  LineEditor editor_;
  std::vector<ChatMessage> messages_;
  bool one_interrupt_ = false;
};

}  // namespace nalar::apps
