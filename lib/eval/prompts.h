#pragma once

#include <nalar/chat.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/task_file.h"

namespace nalar::eval {

// What the model is asked about one row: continuation i after context i, or after the only one.
struct Item {
  const Row* row = nullptr;
  std::vector<Prompt> contexts;
  std::vector<std::string> continuations;  // none where an answer is generated
  std::vector<std::string> choices;        // as acc_norm measures them
  std::vector<size_t> gold;                // of choices: the right ones
  std::vector<std::string> targets;        // of an answer; the continuation or the document

  const Prompt& context(size_t request) const {
    return contexts[contexts.size() == 1 ? 0 : request];
  }
};

// Makes items of rows. Borrows the task and the rows of the shots.
class PromptMaker {
 public:
  PromptMaker(const TaskFile& task, const Rows& shots, std::shared_ptr<const ChatTemplate> chat);

  // Errors: bad_data "field K: …".
  Item make(const Row& row, std::span<const size_t> shots);

 private:
  // A question and its answer, as they stand before an item.
  struct Turn {
    std::string question, answer;
  };
  const Turn& shot(size_t row);
  Turn turn_of(const Json& row) const;
  Prompt prompt(const Json& row, const std::string& question, std::span<const size_t> shots);
  Prompt plain(std::string description, const std::string& question, std::span<const size_t> shots);
  Prompt conversation(std::string description, const std::string& question,
                      std::span<const size_t> shots);
  void make_choices(const Json& row, std::span<const size_t> shots, Item& item);
  std::vector<std::string> choices_of(const Json& row) const;

  const TaskFile& task_;
  const Rows& shots_;
  std::shared_ptr<const ChatTemplate> chat_;
  std::vector<std::optional<Turn>> turns_;
};

}  // namespace nalar::eval
