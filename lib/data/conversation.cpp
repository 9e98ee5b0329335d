#include "data/conversation.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "data/row.h"

namespace nalar::data {
namespace {

const Json* present(const Json& fields, std::string_view field) {
  const Json* value = fields.find(field);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const std::string& text_of(const Json& value, std::string_view place) {
  if (!value.is_string()) bad_field(place, fmt::format("got {}, need a string", value.kind_name()));
  if (value.as_string().find('\0') != std::string::npos) bad_field(place, "has a NUL character");
  return value.as_string();
}

std::string optional_text(const Json& fields, std::string_view field) {
  const Json* value = present(fields, field);
  return value == nullptr ? std::string() : text_of(*value, field);
}

// The text of [{"type": "text", "text": …}, …].
std::string joined_parts(const Json& parts, std::string_view place) {
  std::string text;
  for (const Json& part : parts.as_array()) {
    const Json* type = part.find("type");
    const Json* value = part.find("text");
    if (value == nullptr) value = part.find("value");
    if (type == nullptr || !type->is_string() || type->as_string() != "text" || value == nullptr) {
      bad_field(place, "need text, or a list of parts of type text");
    }
    text += text_of(*value, place);
  }
  return text;
}

void check_role(const Json& message, const std::string& place) {
  constexpr std::array<std::string_view, 5> kRoles = {"system", "user", "assistant", "tool",
                                                      "developer"};
  const Json* role = present(message, "role");
  if (role == nullptr) bad_field(place + ".role", "not there");
  const std::string& name = text_of(*role, place + ".role");
  if (std::find(kRoles.begin(), kRoles.end(), name) == kRoles.end()) {
    bad_field(place + ".role", fmt::format("unknown role \"{}\": need one of {}",
                                           base::escaped(name, 60), fmt::join(kRoles, ", ")));
  }
}

void check_content(Json& message, const std::string& place) {
  const Json* content = present(message, "content");
  if (content == nullptr) {
    if (present(message, "tool_calls") == nullptr) bad_field(place + ".content", "not there");
  } else if (content->is_array()) {
    message.set("content", joined_parts(*content, place + ".content"));
  } else {
    text_of(*content, place + ".content");
  }
}

// OpenAI's "weight" and LLaMA-Factory's "loss_weight" of a message; it is not the template's to
// see.
bool take_weight(Json& message, const std::string& place) {
  bool skipped = false;
  for (const char* key : {"weight", "loss_weight"}) {
    const Json* weight = present(message, key);
    if (weight == nullptr) continue;
    const double value = weight->is_number() ? weight->as_double() : -1;
    if (value != 0 && value != 1) bad_field(place + "." + key, "need 0 or 1");
    skipped = skipped || value == 0;
    Json::Object& members = message.as_object();
    members.erase(std::find_if(members.begin(), members.end(),
                               [&](const Json::Member& m) { return m.first == key; }));
  }
  return skipped;
}

bool has_words(const Json& message) {
  if (present(message, "tool_calls") != nullptr) return true;
  const Json* content = present(message, "content");
  return content != nullptr &&
         content->as_string().find_first_not_of(" \t\r\n") != std::string::npos;
}

// A list, or the JSON text of one.
Json read_tools(const Json* tools) {
  if (tools == nullptr || tools->is_null()) return {};
  if (!tools->is_string()) {
    if (!tools->is_array()) bad_field("tools", "need a list");
    return *tools;
  }
  const std::string& text = text_of(*tools, "tools");
  if (text.empty()) return {};
  try {
    Json list = parse_json(text);
    if (list.is_array()) return list;
  } catch (const Error& e) {
    bad_field("tools", e.what());
  }
  bad_field("tools", "need a list");
}

// A function_call's value: {"name", "arguments"} as JSON text, or a list of them.
Json tool_calls(const std::string& text, const std::string& place) {
  Json::Array calls;
  try {
    Json value = parse_json(text);
    Json::Array functions = value.is_array() ? value.as_array() : Json::Array{value};
    for (Json& function : functions) {
      if (function.find("name") == nullptr || function.find("arguments") == nullptr) {
        bad_field(place, "a function_call needs name and arguments");
      }
      calls.push_back(Json::Object{{"type", "function"}, {"function", std::move(function)}});
    }
  } catch (const Error& e) {
    if (std::string_view(e.what()).starts_with("field ")) throw;
    bad_field(place, e.what());
  }
  return calls;
}

Json sharegpt_message(const Json& turn, const std::string& place) {
  struct Role {
    std::string_view from, role;
  };
  constexpr std::array<Role, 8> kRoles = {{{"human", "user"},
                                           {"user", "user"},
                                           {"gpt", "assistant"},
                                           {"assistant", "assistant"},
                                           {"system", "system"},
                                           {"observation", "tool"},
                                           {"tool", "tool"},
                                           {"function_call", "assistant"}}};
  const Json* from = present(turn, "from");
  const Json* value = present(turn, "value");
  if (from == nullptr) bad_field(place + ".from", "not there");
  if (value == nullptr) bad_field(place + ".value", "not there");
  const std::string& name = text_of(*from, place + ".from");
  const std::string& text = text_of(*value, place + ".value");
  const auto role = std::find_if(kRoles.begin(), kRoles.end(),
                                 [&](const Role& known) { return known.from == name; });
  if (role == kRoles.end()) {
    bad_field(place + ".from",
              fmt::format("unknown role \"{}\": need human, gpt, system, observation or "
                          "function_call",
                          base::escaped(name, 60)));
  }
  Json message = Json::Object{{"role", role->role}};
  const bool call = name == "function_call";
  message.set("content", call ? std::string() : text);
  if (call) message.set("tool_calls", tool_calls(text, place + ".value"));
  for (const char* key : {"weight", "loss_weight"}) {
    if (const Json* weight = present(turn, key)) message.set(key, *weight);
  }
  return message;
}

Json message(std::string_view role, std::string text) {
  return Json::Object{{"role", role}, {"content", std::move(text)}};
}

// instruction, with input after a blank line where there is one.
std::string question(const Json& fields) {
  const std::string input = optional_text(fields, "input");
  std::string text = text_field(fields, "instruction");
  return input.empty() ? text : text + "\n\n" + input;
}

// [[question, answer], …]
std::vector<std::pair<std::string, std::string>> history_of(const Json& fields) {
  std::vector<std::pair<std::string, std::string>> turns;
  const Json* history = present(fields, "history");
  if (history == nullptr) return turns;
  const auto is_pair = [](const Json& turn) {
    return turn.is_array() && turn.as_array().size() == 2;
  };
  if (!history->is_array() ||
      !std::all_of(history->as_array().begin(), history->as_array().end(), is_pair)) {
    bad_field("history", "need a list of pairs of question and answer");
  }
  for (const Json& turn : history->as_array()) {
    turns.emplace_back(text_of(turn.as_array()[0], "history"),
                       text_of(turn.as_array()[1], "history"));
  }
  return turns;
}

}  // namespace

const std::string& text_field(const Json& fields, std::string_view field) {
  const Json* value = present(fields, field);
  if (value == nullptr) bad_field(field, "not there");
  return text_of(*value, field);
}

Conversation read_messages(const Json& list, const Json* tools, std::string_view field) {
  if (!list.is_array()) {
    bad_field(field, fmt::format("got {}, need a list of messages", list.kind_name()));
  }
  if (list.as_array().empty()) bad_field(field, "is empty");
  Conversation out;
  out.tools = read_tools(tools);
  out.messages = list.as_array();
  for (size_t i = 0; i < out.messages.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", field, i);
    Json& message = out.messages[i];
    if (!message.is_object()) {
      bad_field(place, fmt::format("got {}, need an object", message.kind_name()));
    }
    check_role(message, place);
    check_content(message, place);
    out.skipped.push_back(take_weight(message, place) ? 1 : 0);
  }
  if (std::none_of(out.messages.begin(), out.messages.end(), has_words)) {
    bad_field(field, "every turn is empty");
  }
  return out;
}

Conversation read_sharegpt(const Json& fields) {
  constexpr std::string_view kField = "conversations";
  const Json& list = *fields.find(kField);
  if (!list.is_array()) {
    bad_field(kField, fmt::format("got {}, need a list of turns", list.kind_name()));
  }
  Json::Array messages;
  const std::string system = optional_text(fields, "system");
  if (!system.empty()) messages.push_back(message("system", system));
  for (size_t i = 0; i < list.as_array().size(); ++i) {
    messages.push_back(sharegpt_message(list.as_array()[i], fmt::format("{}[{}]", kField, i)));
  }
  return read_messages(std::move(messages), fields.find("tools"), kField);
}

Conversation read_alpaca(const Json& fields) {
  Json::Array messages;
  const std::string system = optional_text(fields, "system");
  if (!system.empty()) messages.push_back(message("system", system));
  for (auto& [asked, answered] : history_of(fields)) {
    messages.push_back(message("user", std::move(asked)));
    messages.push_back(message("assistant", std::move(answered)));
  }
  messages.push_back(message("user", question(fields)));
  messages.push_back(message("assistant", text_field(fields, "output")));
  return read_messages(std::move(messages), nullptr, "output");
}

std::string alpaca_prompt(const Json& fields) {
  const std::string input = optional_text(fields, "input");
  std::string text = optional_text(fields, "system");
  if (text.empty()) {
    text = "Below is an instruction that describes a task";
    text += input.empty() ? ". " : ", paired with an input that provides further context. ";
    text += "Write a response that appropriately completes the request.";
  }
  for (const auto& [asked, answered] : history_of(fields)) {
    text += "\n\n### Instruction:\n" + asked + "\n\n### Response:\n" + answered;
  }
  text += "\n\n### Instruction:\n" + text_field(fields, "instruction");
  if (!input.empty()) text += "\n\n### Input:\n" + input;
  return text + "\n\n### Response:\n";
}

}  // namespace nalar::data
