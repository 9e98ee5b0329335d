#include <fmt/format.h>
#include <nalar/chat.h>
#include <nalar/error.h>

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/utf8.h"
#include "chat/interpreter.h"
#include "chat/lexer.h"
#include "chat/parser.h"
#include "chat/scope.h"
#include "chat/variables.h"

namespace nalar {
namespace {

[[noreturn]] void fail_at(std::string_view source, size_t offset, std::string_view message) {
  const std::string_view before = source.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const std::string_view row =
      newline == std::string_view::npos ? before : before.substr(newline + 1);
  const size_t column = 1 + chat::Text(std::string(row), chat::kTemplate).length();
  throw Error(ErrorKind::bad_data, fmt::format("{}:{}: {}", line, column, message));
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
  std::optional<int64_t> clock;
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
    if (!c.valid)
      throw Error(ErrorKind::bad_data, fmt::format("template is no UTF-8 (at byte {})", at));
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

void ChatTemplate::set_clock(int64_t seconds) { impl_->clock = seconds; }

const std::string& ChatTemplate::source() const { return impl_->source; }
std::string ChatTemplate::hash() const { return base::sha256_hex(impl_->source); }

Prompt ChatTemplate::render(const Json& variables) const {
  if (!variables.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("variables of a template: got {}, need an object",
                                                 variables.kind_name()));
  }
  chat::Runtime runtime(impl_->limits, impl_->clock);
  chat::Dict values;
  try {
    values = chat::make_variables(runtime.budget(), impl_->token_variables, variables);
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
