#include "data/row_format.h"

#include <algorithm>
#include <limits>

#include "data/columns.h"
#include "data/row.h"

namespace nalar::data {
namespace {

bool has(const Json& fields, std::string_view field) {
  const Json* value = fields.find(field);
  return value != nullptr && !value->is_null();
}

Format format_of(const Json& fields) {
  if ((has(fields, "chosen") && has(fields, "rejected")) ||
      (has(fields, "chosen_messages") && has(fields, "rejected_messages"))) {
    bad_field("chosen", "preference rows are for objectives that are not there yet",
              "rows of messages or prompt/completion, made of the chosen answers");
  }
  if (has(fields, "input_ids")) return Format::tokens;
  if (has(fields, "messages")) return Format::messages;
  if (has(fields, "conversations")) return Format::sharegpt;
  if (has(fields, "prompt") && has(fields, "completion")) return Format::prompt_completion;
  if (has(fields, "instruction") && has(fields, "output")) return Format::alpaca;
  if (has(fields, "text")) return Format::text;
  const auto half = [&](std::string_view one, std::string_view other) {
    if (has(fields, one)) {
      bad_field(other, fmt::format("not there beside {}, has {}", one, field_list(fields)));
    }
  };
  half("prompt", "completion");
  half("completion", "prompt");
  half("instruction", "output");
  throw Error(ErrorKind::bad_data, fmt::format("no known format: has {}", field_list(fields)),
              "--columns prompt=NAME,completion=NAME, or text=NAME");
}

TokenId token_id(const Json& value, std::string_view field) {
  const bool fits = value.kind() == Json::Kind::integer &&
                    value.as_int64() >= std::numeric_limits<TokenId>::min() &&
                    value.as_int64() <= std::numeric_limits<TokenId>::max();
  if (!fits) bad_field(field, fmt::format("got {}, need a token's id", to_text(value)));
  return static_cast<TokenId>(value.as_int64());
}

const Json::Array& list_field(const Json& fields, std::string_view field) {
  const Json* value = fields.find(field);
  if (!value->is_array()) bad_field(field, fmt::format("got {}, need a list", value->kind_name()));
  return value->as_array();
}

TokenRow parse_tokens(const Json& fields) {
  constexpr TokenId kIgnore = -100;
  TokenRow row;
  for (const Json& id : list_field(fields, "input_ids"))
    row.ids.push_back(token_id(id, "input_ids"));
  if (row.ids.empty()) bad_field("input_ids", "is empty");
  row.learned.assign(row.ids.size(), 1);
  if (!has(fields, "labels")) return row;
  const Json::Array& labels = list_field(fields, "labels");
  if (labels.size() != row.ids.size()) {
    bad_field("labels",
              fmt::format("got {}, need {} as in input_ids", labels.size(), row.ids.size()));
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    const TokenId label = token_id(labels[i], "labels");
    if (label != kIgnore && label != row.ids[i]) {
      bad_field("labels", fmt::format("got {} at {}, need {} as in input_ids, or -100", label, i,
                                      row.ids[i]));
    }
    row.learned[i] = label == kIgnore ? 0 : 1;
  }
  return row;
}

const std::string& some_text(const Json& fields, std::string_view field) {
  const std::string& text = text_field(fields, field);
  if (text.empty()) bad_field(field, "is empty");
  return text;
}

// Text, or lists of messages (TRL's conversational form).
void parse_prompt_completion(const Json& fields, ParsedRow& row) {
  const Json& prompt = *fields.find("prompt");
  const Json& completion = *fields.find("completion");
  if (!prompt.is_array() && !completion.is_array()) {
    row.content = Continuation{text_field(fields, "prompt"), some_text(fields, "completion")};
    return;
  }
  const Conversation asked = read_messages(prompt, fields.find("tools"), "prompt");
  const Conversation answer = read_messages(completion, nullptr, "completion");
  Conversation whole = asked;
  whole.messages.insert(whole.messages.end(), answer.messages.begin(), answer.messages.end());
  // Only the completion is learned.
  whole.skipped.assign(asked.messages.size(), 1);
  whole.skipped.insert(whole.skipped.end(), answer.skipped.begin(), answer.skipped.end());
  row.content = std::move(whole);
}

}  // namespace

std::string_view name(Format format) {
  switch (format) {
    case Format::messages:
      return "messages";
    case Format::sharegpt:
      return "sharegpt";
    case Format::alpaca:
      return "alpaca";
    case Format::prompt_completion:
      return "prompt/completion";
    case Format::text:
      return "text";
    case Format::tokens:
      return "pre-tokenized";
  }
  return "";
}

ParsedRow parse_row(const Json& fields, bool templated) {
  ParsedRow row;
  row.format = format_of(fields);
  switch (row.format) {
    case Format::messages:
      row.content = read_messages(*fields.find("messages"), fields.find("tools"));
      break;
    case Format::sharegpt:
      row.content = read_sharegpt(fields);
      break;
    case Format::alpaca:
      if (templated) {
        row.content = read_alpaca(fields);
      } else {
        row.content = Continuation{alpaca_prompt(fields), some_text(fields, "output")};
      }
      break;
    case Format::prompt_completion:
      parse_prompt_completion(fields, row);
      break;
    case Format::text:
      row.content = Continuation{"", some_text(fields, "text")};
      break;
    case Format::tokens:
      row.content = parse_tokens(fields);
      break;
  }
  return row;
}

}  // namespace nalar::data
