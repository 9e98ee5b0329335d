#include "chat/builtins/builtin.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/utf8.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

struct Parameters {
  std::vector<std::string_view> names;
  size_t positional_only = 0;
  size_t required = 0;
  bool more_positional = false;
  bool more_keywords = false;
};

Parameters parse_parameters(std::string_view text) {
  Parameters out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word == "*") {
      out.more_positional = true;
    } else if (word == "**") {
      out.more_keywords = true;
    } else if (word == "/") {
      out.positional_only = out.names.size();
    } else if (word.back() == '=') {
      out.names.push_back(word.substr(0, word.size() - 1));
    } else {
      out.names.push_back(word);
      out.required = out.names.size();
    }
  }
  return out;
}

void bind_keyword(const Builtin& builtin, const Parameters& parameters, Call& call,
                  std::pair<std::string, Value> keyword) {
  const auto begin =
      parameters.names.begin() + static_cast<std::ptrdiff_t>(parameters.positional_only);
  const auto found = std::find(begin, parameters.names.end(), keyword.first);
  if (found != parameters.names.end()) {
    Value& slot = call.values[static_cast<size_t>(found - parameters.names.begin())];
    if (!slot.is_missing()) {
      fail(fmt::format("{}() got multiple values for argument '{}'", builtin.name, keyword.first));
    }
    slot = std::move(keyword.second);
  } else if (parameters.more_keywords) {
    call.rest.keywords.push_back(std::move(keyword));
  } else {
    fail(fmt::format("{}() got an unexpected keyword argument '{}'", builtin.name,
                     base::escaped(keyword.first)));
  }
}

using Table = std::unordered_map<std::string_view, const Builtin*>;

Table make_table(std::initializer_list<std::span<const Builtin>> parts) {
  Table table;
  for (const auto& part : parts) {
    for (const Builtin& builtin : part) table.emplace(builtin.name, &builtin);
  }
  return table;
}

}  // namespace

Value invoke(Runtime& runtime, const Builtin& builtin, Arguments arguments) {
  const Parameters parameters = parse_parameters(builtin.parameters);
  Call call;
  call.values.resize(parameters.names.size());
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < parameters.names.size()) {
      call.values[i] = std::move(arguments.positional[i]);
    } else if (parameters.more_positional) {
      call.rest.positional.push_back(std::move(arguments.positional[i]));
    } else {
      fail(fmt::format("{}() takes at most {} arguments ({} given)", builtin.name,
                       parameters.names.size(), arguments.positional.size()));
    }
  }
  for (auto& keyword : arguments.keywords) {
    bind_keyword(builtin, parameters, call, std::move(keyword));
  }
  for (size_t i = 0; i < parameters.required; ++i) {
    if (!call.has(i)) {
      fail(fmt::format("{}() missing required argument '{}'", builtin.name, parameters.names[i]));
    }
  }
  runtime.budget().step();
  return builtin.call(runtime, call);
}

const Builtin* find_filter(std::string_view name) {
  static const Table table =
      make_table({text_filters(), layout_filters(), html_filters(), number_filters(),
                  sequence_filters(), select_filters(), order_filters()});
  const auto it = table.find(name);
  return it == table.end() ? nullptr : it->second;
}

int64_t need_integer(const Value& value) {
  if (const auto i = value.integer()) return *i;
  if (value.is_undefined()) fail(value.undefined().message);
  fail(fmt::format("'{}' object cannot be interpreted as an integer", value.type_name()));
}

const Text& need_text(const Value& value, std::string_view what) {
  if (value.is_text()) return value.text();
  if (value.is_undefined()) fail(value.undefined().message);
  fail(fmt::format("{} must be str, not {}", what, value.type_name()));
}

int64_t integer_or(const Value& value, int64_t absent) {
  return value.is_missing() ? absent : need_integer(value);
}

bool flag_or(Runtime& runtime, const Value& value, bool absent) {
  return value.is_missing() ? absent : truthy(runtime, value);
}

}  // namespace nalar::chat
