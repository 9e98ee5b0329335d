#include "eval/prompts.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "eval/literal.h"

namespace nalar::eval {
namespace {

[[noreturn]] void fail(const Field& field, const std::string& message) {
  throw Error(ErrorKind::bad_data, fmt::format("field {}: {}", field.key(), message));
}

// The index that a value is: an integer, false and true for 0 and 1, or a text of digits.
std::optional<int64_t> index_of(const Json& value) {
  if (value.is_bool()) return value.as_bool() ? 1 : 0;
  if (value.is_integer()) return value.as_int64();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.as_string();
  int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool whole = error == std::errc{} && end == text.data() + text.size() && text[0] != '-';
  return whole ? std::optional(index) : std::nullopt;
}

std::string text_of(const Field& field, const Json& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_number()) return to_text(value);
  fail(field, fmt::format("got {}, need a text", value.kind_name()));
}

// A list that a template has printed, where the text is one.
Json list_or_text(Json value) {
  if (!value.is_string()) return value;
  const std::string& text = value.as_string();
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return value;
  try {
    return parse_python_literal(text);
  } catch (const Error&) {
    return value;
  }
}

// What a field of a task with choices gives, as lm-evaluation-harness takes it: digits that a
// template writes are a position, those of a column a text.
Json text_or_position(const Field& field, const Json& row) {
  Json value = field.of(row);
  if (!field.renders(row)) return value;
  const auto index = index_of(value);
  return index ? Json(*index) : value;
}

// The right answer, or the right ones: a template may print a list.
Json target_of(const Field& field, const Json& row) {
  return field.renders(row) ? list_or_text(field.of(row)) : field.of(row);
}

// The same of a task with choices: their texts or positions.
Json key_of(const Field& field, const Json& row) {
  Json key = text_or_position(field, row);
  return field.renders(row) ? list_or_text(std::move(key)) : key;
}

// The choice that an answer key means: its text, or its position.
size_t gold_of(const Field& field, const Json& key, const std::vector<std::string>& choices) {
  if (key.is_string()) {
    const auto at = std::find(choices.begin(), choices.end(), key.as_string());
    if (at != choices.end()) return static_cast<size_t>(at - choices.begin());
  }
  const auto index = index_of(key);
  if (!index || *index < 0 || static_cast<size_t>(*index) >= choices.size()) {
    fail(field, fmt::format("got {}, need one of the {} choices", base::escaped(to_text(key), 60),
                            choices.size()));
  }
  return static_cast<size_t>(*index);
}

std::vector<size_t> all_gold(const Field& field, const Json& key,
                             const std::vector<std::string>& choices) {
  if (!key.is_array()) return {gold_of(field, key, choices)};
  std::vector<size_t> gold;
  for (const Json& one : key.as_array()) gold.push_back(gold_of(field, one, choices));
  if (gold.empty()) fail(field, "got an empty list, need a choice");
  return gold;
}

}  // namespace

PromptMaker::PromptMaker(const TaskFile& task, const Rows& shots,
                         std::shared_ptr<const ChatTemplate> chat)
    : task_(task), shots_(shots), chat_(std::move(chat)), turns_(shots.rows.size()) {}

std::vector<std::string> PromptMaker::choices_of(const Json& row) const {
  const Field& field = *task_.doc_to_choice;
  Json value = field.of(row);
  if (value.is_string()) {
    try {
      value = parse_python_literal(value.as_string());
    } catch (const Error& error) {
      fail(field, error.what());
    }
  }
  if (!value.is_array()) fail(field, fmt::format("got {}, need a list", value.kind_name()));
  std::vector<std::string> choices;
  for (const Json& choice : value.as_array()) {
    choices.push_back(text_of(field, choice));
    if (choices.back().empty()) fail(field, fmt::format("choice {} is empty", choices.size()));
  }
  if (choices.empty()) fail(field, "got no choices");
  return choices;
}

PromptMaker::Turn PromptMaker::turn_of(const Json& row) const {
  if (!task_.doc_to_choice) {
    const Json question = task_.doc_to_text->of(row);
    const Json target = target_of(*task_.doc_to_target, row);
    const bool several = target.is_array() && !target.as_array().empty();
    return {text_of(*task_.doc_to_text, question),
            text_of(*task_.doc_to_target, several ? target.as_array().front() : target)};
  }
  const std::vector<std::string> choices = choices_of(row);
  const Field& target = *task_.doc_to_target;
  const Json question = text_or_position(*task_.doc_to_text, row);
  if (question.is_integer()) {  // the choices are contexts
    return {choices[gold_of(*task_.doc_to_text, question, choices)],
            text_of(target, target.of(row))};
  }
  return {text_of(*task_.doc_to_text, question),
          choices[all_gold(target, key_of(target, row), choices).front()]};
}

const PromptMaker::Turn& PromptMaker::shot(size_t row) {
  std::optional<Turn>& turn = turns_[row];
  if (!turn) {
    const Row& from = shots_.rows[row];
    try {
      turn = turn_of(from.fields);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("a shot ({}: {}): {}", shots_.path, shots_.place(from),
                                            error.what()));
    }
  }
  return *turn;
}

Prompt PromptMaker::plain(std::string text, const std::string& question,
                          std::span<const size_t> shots) {
  for (const size_t s : shots) {
    const Turn& turn = shot(s);
    text += turn.question;
    if (!turn.answer.empty()) {
      text += task_.target_delimiter + turn.answer + task_.fewshot_delimiter;
    }
  }
  return {{{.text = text + question, .from_template = false, .generation = false}}};
}

Prompt PromptMaker::conversation(std::string description, const std::string& question,
                                 std::span<const size_t> shots) {
  std::vector<ChatMessage> messages;
  if (!description.empty()) messages.push_back({"system", std::move(description)});
  for (const size_t s : shots) {
    const Turn& turn = shot(s);
    messages.push_back({"user", turn.question});
    messages.push_back({"assistant", turn.answer});
  }
  messages.push_back({"user", question});
  return chat_->render(messages, {});
}

Prompt PromptMaker::prompt(const Json& row, const std::string& question,
                           std::span<const size_t> shots) {
  std::string description;
  if (task_.description) description = text_of(*task_.description, task_.description->of(row));
  return chat_ ? conversation(std::move(description), question, shots)
               : plain(std::move(description), question, shots);
}

void PromptMaker::make_choices(const Json& row, std::span<const size_t> shots, Item& item) {
  item.choices = choices_of(row);
  const Field& target = *task_.doc_to_target;
  const Json question = text_or_position(*task_.doc_to_text, row);
  // A conversation's answer begins where the template ends.
  const std::string delimiter = chat_ ? "" : task_.target_delimiter;
  if (question.is_integer()) {
    item.gold = {gold_of(*task_.doc_to_text, question, item.choices)};
    const std::string continuation = delimiter + text_of(target, target.of(row));
    for (const std::string& choice : item.choices) {
      item.contexts.push_back(prompt(row, choice, shots));
      item.continuations.push_back(continuation);
    }
    return;
  }
  item.gold = all_gold(target, key_of(target, row), item.choices);
  item.contexts.push_back(prompt(row, text_of(*task_.doc_to_text, question), shots));
  for (const std::string& choice : item.choices) item.continuations.push_back(delimiter + choice);
}

Item PromptMaker::make(const Row& row, std::span<const size_t> shots) {
  Item item;
  item.row = &row;
  if (task_.output_type == OutputType::multiple_choice) {
    make_choices(row.fields, shots, item);
    return item;
  }
  const Field& field = *task_.doc_to_target;
  const Json target = target_of(field, row.fields);
  if (target.is_array() && task_.output_type == OutputType::generate_until) {
    for (const Json& one : target.as_array()) item.targets.push_back(text_of(field, one));
    if (item.targets.empty()) fail(field, "got an empty list, need a text");
  } else if (task_.doc_to_choice && task_.output_type == OutputType::generate_until) {
    const auto choices = choices_of(row.fields);
    const Json key = text_or_position(field, row.fields);
    for (const size_t g : all_gold(field, key, choices)) item.targets.push_back(choices[g]);
  } else {
    item.targets.push_back(text_of(field, target));
  }
  if (task_.output_type == OutputType::loglikelihood_rolling) {
    if (item.targets.front().empty()) fail(field, "the document is empty");
    return item;
  }
  item.contexts.push_back(
      prompt(row.fields, text_of(*task_.doc_to_text, task_.doc_to_text->of(row.fields)), shots));
  if (task_.output_type == OutputType::loglikelihood) item.continuations = item.targets;
  return item;
}

}  // namespace nalar::eval
