#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/builtins/wrap.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

Value centered(Runtime& runtime, const Call& call) {
  return center(runtime, str_of(runtime, call[0]).text(), integer_or(call[1], 80), Value());
}

Value indent(Runtime& runtime, const Call& call) {
  Value width = call.has(1) ? call[1] : Value(4);
  if (!width.is_text()) {
    TextBuilder spaces(runtime.budget());
    spaces.add_spaces(need_integer(width));
    width = spaces.finish();
  }
  const bool first = flag_or(runtime, call[2], false), blank = flag_or(runtime, call[3], false);
  const Text newline("\n", kTemplate);
  // The newline that is added here keeps a last empty line.
  TextBuilder whole(runtime.budget());
  whole.add(need_text(call[0], "an indented value"));
  whole.add(newline);
  const Text text = whole.finish();
  const std::vector<Value> lines = split_lines(runtime, text, false);
  TextBuilder out(runtime.budget());
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out.add(newline);
    const bool indented = i == 0 ? first : (blank || !lines[i].text().empty());
    if (indented) out.add(width.text());
    out.add(lines[i].text());
  }
  return out.finish(call[0].text().markup());
}

Value truncate(Runtime& runtime, const Call& call) {
  const int64_t length = integer_or(call[1], 255), leeway = integer_or(call[4], 5);
  const bool kill_words = flag_or(runtime, call[2], false);
  const Value end = call.has(3) ? call[3] : Value::made("...");
  const auto end_length = static_cast<int64_t>(need_text(end, "end").length());
  if (length < end_length) fail(fmt::format("expected length >= {}, got {}", end_length, length));
  if (leeway < 0) fail(fmt::format("expected leeway >= 0, got {}", leeway));
  const auto whole = length_of(runtime, call[0]);
  if (!whole) fail(fmt::format("object of type '{}' has no len()", call[0].type_name()));
  if (*whole - leeway <= length) return call[0];
  const Text& text = need_text(call[0], "a truncated value");
  const Value kept = substring(runtime, call[0], 0, static_cast<size_t>(length - end_length));
  size_t stop = kept.text().view().size();
  if (!kill_words) stop = std::min(stop, kept.text().view().rfind(' '));
  TextBuilder out(runtime.budget());
  out.add(kept.text(), 0, stop);
  out.add(end.text());
  return out.finish(text.markup());
}

Value word_wrap(Runtime& runtime, const Call& call) {
  WrapStyle style;
  style.width = integer_or(call[1], 79);
  style.break_long_words = flag_or(runtime, call[2], true);
  style.break_on_hyphens = flag_or(runtime, call[4], true);
  if (style.width <= 0) fail(fmt::format("invalid width {} (must be > 0)", style.width));
  const Value newline = call.has(3) && !call[3].is_none() ? call[3] : Value::made("\n");
  const Text& text = need_text(call[0], "a wrapped value");
  TextBuilder out(runtime.budget());
  bool first_paragraph = true;
  for (const Value& paragraph : split_lines(runtime, text, false)) {
    if (!first_paragraph) out.add(need_text(newline, "wrapstring"));
    first_paragraph = false;
    bool first_line = true;
    for (const auto& [begin, end] : wrap(runtime.budget(), paragraph.text().view(), style)) {
      if (!first_line) out.add(need_text(newline, "wrapstring"));
      first_line = false;
      out.add(paragraph.text(), begin, end);
    }
  }
  return out.finish();
}

constexpr Builtin kFilters[] = {
    {"center", "value width=", centered},
    {"indent", "s width= first= blank=", indent},
    {"truncate", "s length= killwords= end= leeway=", truncate},
    {"wordwrap", "s width= break_long_words= wrapstring= break_on_hyphens=", word_wrap},
};

}  // namespace

std::span<const Builtin> layout_filters() { return kFilters; }

}  // namespace nalar::chat
