#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "chat/builtins/attribute_path.h"
#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/operators.h"
#include "chat/runtime.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

// The filter applies str() to what it gets, then the function to that text.
template <Value (*function)(Runtime&, const Text&)>
Value mapped(Runtime& runtime, const Call& call) {
  return function(runtime, str_of(runtime, call[0]).text());
}

Value string(Runtime& runtime, const Call& call) { return str_of(runtime, call[0]); }

// Words begin after white space and after - ( { [ <, as this filter sees it; str.title sees it
// differently.
Value title(Runtime& runtime, const Call& call) {
  const Value value = str_of(runtime, call[0]);
  const Text& text = value.text();
  const auto separates = [](char32_t c) {
    return unicode::is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  std::vector<size_t> starts;
  bool in_word = false, in_separator = false;
  for_characters(text.view(), [&](char32_t c, size_t begin, size_t) {
    const bool separator = separates(c);
    if (separator ? !in_separator : !in_word) starts.push_back(begin);
    in_separator = separator;
    in_word = !separator;
  });
  starts.push_back(text.view().size());
  TextBuilder out(runtime.budget());
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const size_t first_end =
        starts[i] + static_cast<size_t>(base::decode_utf8(text.view(), starts[i]).length);
    const Value first = piece_of(runtime.budget(), text, starts[i], first_end);
    const Value rest = piece_of(runtime.budget(), text, first_end, starts[i + 1]);
    out.add(upper(runtime, first.text()).text());
    out.add(lower(runtime, rest.text()).text());
  }
  return out.finish();
}

Value trim(Runtime& runtime, const Call& call) {
  return strip(runtime, str_of(runtime, call[0]).text(), call[1], true, true);
}

Value replaced(Runtime& runtime, const Call& call) {
  const Value text = str_of(runtime, call[0]), old = str_of(runtime, call[1]),
              with = str_of(runtime, call[2]);
  const int64_t count = !call.has(3) || call[3].is_none() ? -1 : need_integer(call[3]);
  const Value out = replace(runtime, text.text(), old.text(), with.text(), count);
  // str(markup) is a plain string.
  return text.text().markup() ? Value(Text(std::string(out.text().view()), out.text().runs()))
                              : out;
}

Value joined(Runtime& runtime, const Call& call) {
  Value items = call[0];
  if (call.has(2) && !call[2].is_none()) items = attribute_of_each(runtime, items, call[2]);
  const Value separator = call.has(1) ? str_of(runtime, call[1]) : Value::made("");
  const Text plain(std::string(separator.text().view()), separator.text().runs());
  return join(runtime, plain, items, true);
}

Value formatted(Runtime& runtime, const Call& call) {
  const Value text = str_of(runtime, call[0]);
  if (!call.rest.positional.empty() && !call.rest.keywords.empty()) {
    fail("can't handle positional and keyword arguments at the same time");
  }
  if (call.rest.keywords.empty()) {
    return printf_format(runtime, text.text(), make_tuple(runtime.budget(), call.rest.positional));
  }
  Dict named;
  for (const auto& [name, value] : call.rest.keywords) named.set(Value::made(name), value);
  return printf_format(runtime, text.text(), make_dict(runtime.budget(), std::move(named)));
}

Value word_count(Runtime& runtime, const Call& call) {
  const Value text = str_of(runtime, call[0]);
  runtime.budget().bytes(text.text().view().size() * 4);
  int64_t n = 0;
  bool in_word = false;
  for_characters(text.text().view(), [&](char32_t c, size_t, size_t) {
    const bool word = unicode::is_word(c);
    if (word && !in_word) ++n;
    in_word = word;
  });
  return n;
}

constexpr Builtin kFilters[] = {
    {"capitalize", "s", mapped<capitalize>},
    {"format", "value / * **", formatted},
    {"join", "value d= attribute=", joined},
    {"lower", "s", mapped<lower>},
    {"replace", "s old new count=", replaced},
    {"string", "s", string},
    {"title", "s", title},
    {"trim", "value chars=", trim},
    {"upper", "s", mapped<upper>},
    {"wordcount", "s", word_count},
};

}  // namespace

std::span<const Builtin> text_filters() { return kFilters; }

}  // namespace nalar::chat
