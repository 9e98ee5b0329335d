#include "eval/field.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "chat/interpreter.h"
#include "chat/lexer.h"
#include "chat/parser.h"
#include "chat/scope.h"
#include "chat/variables.h"
#include "data/columns.h"

namespace nalar::eval {
namespace {

// What could be the name of a column, and is no text for a model.
bool is_name(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_word);
}

}  // namespace

struct Field::Template {
  std::string source;
  chat::ast::Template tree;
};

Field::~Field() = default;
Field::Field(Field&&) noexcept = default;
Field& Field::operator=(Field&&) noexcept = default;

Field::Field(Json spec, std::string key) : spec_(std::move(spec)), key_(std::move(key)) {
  if (!spec_.is_string()) return;
  auto parsed = std::make_unique<Template>();
  const std::string& source = spec_.as_string();
  if (!base::is_valid_utf8(source)) {
    throw Error(ErrorKind::bad_data, fmt::format("field {}: it is no UTF-8", key_));
  }
  // A line break at the end stays; the lexer drops one.
  parsed->source = chat::normalize_source(source.ends_with('\n') ? source + "\n" : source);
  try {
    parsed->tree = chat::parse(parsed->source, TemplateLimits().max_depth,
                               {.trim_blocks = false, .lstrip_blocks = false});
    chat::resolve(parsed->tree);
  } catch (const chat::SourceError& error) {
    throw Error(ErrorKind::bad_data,
                fmt::format("field {}: {} (at byte {})", key_, error.message, error.offset));
  }
  template_ = std::move(parsed);
}

std::optional<std::string_view> Field::column(const Json& row) const {
  if (!template_ || !row.find(spec_.as_string())) return std::nullopt;
  return spec_.as_string();
}

bool Field::renders(const Json& row) const { return template_ && !column(row); }

Json Field::of(const Json& row) const {
  if (!template_) return spec_;
  if (const Json* column = row.find(spec_.as_string())) return *column;
  if (is_name(spec_.as_string())) {
    throw Error(ErrorKind::bad_data, fmt::format("field {}: the row has no column \"{}\", has {}",
                                                 key_, spec_.as_string(), data::field_list(row)));
  }
  chat::Runtime runtime({}, std::nullopt, chat::OnUndefined::fail);
  try {
    const chat::Dict variables = chat::make_variables(runtime.budget(), {}, row);
    chat::Interpreter interpreter(runtime, variables);
    return std::string(interpreter.run(template_->tree).view());
  } catch (const chat::Failure& failure) {
    const std::string what = base::escaped(failure.what(), 300);
    const bool missing = what.ends_with("is undefined");
    throw Error(ErrorKind::bad_data,
                fmt::format("field {}: {}{}", key_, what,
                            missing ? ", the row has " + data::field_list(row) : ""));
  } catch (const chat::Refused& refused) {
    throw Error(ErrorKind::bad_data,
                fmt::format("field {}: refused: {}", key_, base::escaped(refused.what(), 300)));
  }
}

}  // namespace nalar::eval
