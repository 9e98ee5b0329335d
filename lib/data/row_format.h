#pragma once

#include <nalar/json.h>
#include <nalar/token.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data/conversation.h"

namespace nalar::data {

enum class Format { messages, sharegpt, alpaca, prompt_completion, text, tokens };
// "messages", "sharegpt", "alpaca", "prompt/completion", "text", "pre-tokenized"
std::string_view name(Format format);

// What a row says, whatever its format. Each is encoded in one way.
struct Continuation {  // text that goes on; through no template
  std::string prompt;  // not learned; may be empty
  std::string completion;
};
struct TokenRow {
  std::vector<TokenId> ids;
  std::vector<uint8_t> learned;
};
struct ParsedRow {
  Format format = Format::text;
  std::variant<Conversation, Continuation, TokenRow> content;
};

// Told by the names of its fields; a field that is null counts as absent. `templated`: whether
// there is a chat template: without one, alpaca rows become the prompt text that format was
// published with (tatsu-lab's stanford_alpaca). Errors: bad_data "field K: …"; no known format:
// names the fields there are.
ParsedRow parse_row(const Json& fields, bool templated);

}  // namespace nalar::data
