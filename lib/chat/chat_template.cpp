#include <nalar/chat.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <nalar/error.h>

#include "base/digest.h"
#include "base/utf8.h"
#include "chat/interpreter.h"
#include "chat/lexer.h"
#include "chat/parser.h"
#include "chat/scope.h"

namespace nalar {
namespace {

using chat::Budget;
using chat::Dict;
using chat::Origin;
using chat::Value;

[[noreturn]] void fail_at(std::string_view source, size_t offset, std::string_view message) {
  const std::string_view before = source.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const std::string_view row = newline == std::string_view::npos ? before : before.substr(newline + 1);
  const size_t column = 1 + chat::Text(std::string(row), chat::kTemplate).length();
  throw Error(ErrorKind::bad_data, fmt::format("{}:{}: {}", line, column, message));
}

// A role is chosen by the program, not by who writes the messages. Some templates make control tokens of it
// ('<|' + role + '|>'), so that these names count as the template's own text.
bool is_known_role(std::string_view role) {
  constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool", "developer"};
  return std::find(std::begin(kRoles), std::end(kRoles), role) != std::end(kRoles);
}

class Converter {
 public:
  Converter(Budget& budget, Origin origin) : budget_(budget), origin_(origin) {}

  Value convert(const Json& json) {
    switch (json.kind()) {
      case Json::Kind::null:
        return chat::None{};
      case Json::Kind::boolean:
        return json.as_bool();
      case Json::Kind::integer:
      case Json::Kind::unsigned_integer:
        return json.as_int64();
      case Json::Kind::number:
        return json.as_double();
      case Json::Kind::string:
        return text(json.as_string(), origin_);
      case Json::Kind::array: {
        const auto level = budget_.call();
        std::vector<Value> items;
        for (const Json& item : json.as_array()) items.push_back(convert(item));
        return chat::make_list(budget_, std::move(items));
      }
      case Json::Kind::object:
        break;
    }
    return chat::make_dict(budget_, members(json));
  }

  Dict members(const Json& object) {
    const auto level = budget_.call();
    Dict dict;
    for (const auto& [name, value] : object.as_object()) {
      const bool role = name == "role" && value.is_string() && is_known_role(value.as_string());
      dict.set(text(name, origin_), role ? text(value.as_string(), chat::kTemplate) : convert(value));
    }
    return dict;
  }

 private:
  Value text(const std::string& bytes, Origin origin) {
    budget_.text_size(bytes.size());
    return chat::Text(base::to_valid_utf8(bytes), origin);
  }

  Budget& budget_;
  Origin origin_;
};

// The caller's variables over those of the constructor. A token's text stays the template's when the caller
// repeats it.
Dict make_variables(Budget& budget, const Json& tokens, const Json& given) {
  Dict out;
  if (tokens.is_object()) out = Converter(budget, chat::kTemplate).members(tokens);
  Converter converter(budget, chat::kMessage);
  const Dict variables = converter.members(given);
  for (const auto& [name, value] : variables.items()) {
    const Value* token = out.find(name.text().view());
    if (token == nullptr || !chat::equal(*token, value)) out.set(name, value);
  }
  return out;
}

Prompt to_prompt(const chat::Text& text) {
  Prompt prompt;
  size_t begin = 0;
  for (const chat::TextRun& run : text.runs()) {
    if (run.end == begin) continue;
    PromptSpan span;
    span.text = text.view().substr(begin, run.end - begin);
    span.from_template = (run.origin & chat::kTemplate) != 0;
    span.generation = (run.origin & chat::kGeneration) != 0;
    prompt.spans.push_back(std::move(span));
    begin = run.end;
  }
  return prompt;
}

}  // namespace

struct ChatTemplate::Impl {
  std::string source;
  std::string normalized;
  Json token_variables;
  TemplateLimits limits;
  chat::ast::Template tree;
};

ChatTemplate::ChatTemplate(std::string source, Json token_variables, const TemplateLimits& limits)
    : impl_(std::make_unique<Impl>()) {
  if (source.size() > limits.max_source_bytes) {
    throw Error(ErrorKind::bad_data, fmt::format("template too long: got {} bytes, need at most {}",
                                                 source.size(), limits.max_source_bytes));
  }
  for (size_t at = 0; at < source.size();) {
    const auto c = base::decode_utf8(source, at);
    if (!c.valid) throw Error(ErrorKind::bad_data, fmt::format("template is no UTF-8 (at byte {})", at));
    at += static_cast<size_t>(c.length);
  }
  impl_->source = std::move(source);
  impl_->normalized = chat::normalize_source(impl_->source);
  impl_->token_variables = std::move(token_variables);
  impl_->limits = limits;
  try {
    impl_->tree = chat::parse(impl_->normalized, limits.max_depth);
    chat::resolve(impl_->tree);
  } catch (const chat::SourceError& error) {
    fail_at(impl_->normalized, error.offset, error.message);
  }
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;

const std::string& ChatTemplate::source() const { return impl_->source; }
std::string ChatTemplate::hash() const { return base::sha256_hex(impl_->source); }

Prompt ChatTemplate::render(const Json& variables) const {
  if (!variables.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("variables of a template: got {}, need an object",
                                                 variables.kind_name()));
  }
  chat::Runtime runtime(impl_->limits);
  Dict values;
  try {
    values = make_variables(runtime.budget(), impl_->token_variables, variables);
  } catch (const chat::Failure& failure) {
    throw Error(ErrorKind::bad_data, fmt::format("variables of a template: {}", failure.what()));
  }
  chat::Interpreter interpreter(runtime, values);
  try {
    return to_prompt(interpreter.run(impl_->tree));
  } catch (const chat::Failure& failure) {
    fail_at(impl_->normalized, interpreter.position(), failure.what());
  } catch (const chat::Refused& refused) {
    throw Error(ErrorKind::bad_data,
                fmt::format("template refused: {}", base::escaped(refused.what(), 1000)));
  }
}

Prompt ChatTemplate::render(const std::vector<ChatMessage>& messages,
                            const RenderOptions& options) const {
  Json::Array list;
  for (const ChatMessage& message : messages) {
    Json::Object object;
    object.emplace_back("role", message.role);
    object.emplace_back("content", message.content);
    list.emplace_back(std::move(object));
  }
  // These are there in every rendering of transformers.
  Json variables;
  variables.set("messages", std::move(list));
  variables.set("tools", nullptr);
  variables.set("documents", nullptr);
  variables.set("add_generation_prompt", options.add_generation_prompt);
  if (options.variables.is_object()) {
    for (const auto& [name, value] : options.variables.as_object()) variables.set(name, value);
  }
  return render(variables);
}

std::string Prompt::text() const {
  std::string out;
  for (const PromptSpan& span : spans) out += span.text;
  return out;
}

}  // namespace nalar
