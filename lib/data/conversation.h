#pragma once

#include <nalar/json.h>

#include <string>
#include <string_view>
#include <vector>

namespace nalar::data {

// Messages as a chat template takes them, checked: roles known, contents strings (or null beside
// tool calls).
struct Conversation {
  Json::Array messages;
  Json tools;                    // a list, or null
  std::vector<uint8_t> skipped;  // of each message: not learned though its role would be (weight 0)
};

// A field that must be text. Errors: bad_data: of another kind, a NUL in it.
const std::string& text_field(const Json& fields, std::string_view field);

// [{"role", "content"}], tools beside it. Contents may be lists of text parts, which are joined;
// "weight" or "loss_weight" 0 keeps a turn from being learned. Errors: bad_data "field
// messages[i].K: …".
Conversation read_messages(const Json& list, const Json* tools,
                           std::string_view field = "messages");
// ShareGPT: [{"from", "value"}] with human, gpt, system, observation, function_call.
Conversation read_sharegpt(const Json& fields);
// instruction, input, output, system, history ([[question, answer]…]).
Conversation read_alpaca(const Json& fields);
// The same as the text that format was published with, up to the answer.
std::string alpaca_prompt(const Json& fields);

}  // namespace nalar::data
