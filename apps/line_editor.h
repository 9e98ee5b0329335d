#pragma once

#include <memory>
#include <optional>
#include <string>

namespace nalar::apps {

// Lines from a person at a terminal, edited with libedit.
class LineEditor {
 public:
  // history_file: lines of earlier chats are read from it, and it is kept up to date (mode 0600).
  explicit LineEditor(std::optional<std::string> history_file);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Outcome { line, end, interrupt };
  // One line without its end. interrupt: Ctrl-C; what was typed is dropped, `line` tells it.
  Outcome read(const char* prompt, std::string& line);
  // Adds to the history.
  void remember(const std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nalar::apps
