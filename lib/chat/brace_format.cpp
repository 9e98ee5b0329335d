#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "chat/number_format.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

constexpr int64_t kLargest = int64_t{1} << 31;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<int64_t> whole_number(std::string_view text) {
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  return std::stoll(std::string(text));
}

FormatSpec parse_spec(std::string_view text) {
  FormatSpec spec;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!text.empty()) {
    const auto first = static_cast<size_t>(base::decode_utf8(text, 0).length);
    if (text.size() > first && is_align(text[first])) {
      spec.fill = text.substr(0, first);
      spec.align = text[first];
      text.remove_prefix(first + 1);
    } else if (is_align(text[0])) {
      spec.align = text[0];
      text.remove_prefix(1);
    }
  }
  const auto take = [&text](std::string_view any) {
    if (text.empty() || any.find(text[0]) == std::string_view::npos) return '\0';
    const char c = text[0];
    text.remove_prefix(1);
    return c;
  };
  const auto number = [&text](int64_t absent) {
    if (text.empty() || !is_digit(text[0])) return absent;
    int64_t n = 0;
    for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1)) {
      n = n * 10 + (text[0] - '0');
      if (n > kLargest) fail("template output limit reached");
    }
    return n;
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != '\0';
  if (take("0") != '\0' && spec.align == '\0') {
    spec.fill = "0";
    spec.align = '0';  // as '=' for numbers, '<' for strings
  }
  spec.width = number(0);
  spec.grouping = take(",_");
  if (take(".") != '\0') {
    spec.precision = number(-1);
    if (spec.precision < 0) fail("format specifier missing precision");
  }
  if (text.size() > 1) fail("invalid format specifier");
  if (!text.empty()) spec.type = text[0];
  return spec;
}

Value format_text(Runtime& runtime, const Value& value, FormatSpec spec) {
  if (spec.type != '\0' && spec.type != 's') {
    fail(fmt::format("unknown format code '{}' for object of type 'str'",
                     base::escaped(std::string_view(&spec.type, 1))));
  }
  if (spec.align == '=' || spec.sign != '-' || spec.alternate || spec.grouping != '\0') {
    fail("a number's format is not allowed with a string");
  }
  const Value cut = spec.precision < 0
                        ? value
                        : substring(runtime, value, 0, static_cast<size_t>(spec.precision));
  const int64_t lacking =
      std::max<int64_t>(spec.width - static_cast<int64_t>(cut.text().length()), 0);
  const int64_t left = spec.align == '>' ? lacking : (spec.align == '^' ? lacking / 2 : 0);
  const Text fill(spec.fill, kTemplate);
  TextBuilder out(runtime.budget());
  out.add_times(fill, 0, fill.view().size(), left);
  out.add(cut.text());
  out.add_times(fill, 0, fill.view().size(), lacking - left);
  return out.finish(cut.text().markup());
}

// str.format: replacement fields between literal text.
class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Arguments& arguments)
      : runtime_(runtime), arguments_(arguments) {}

  Value run(const Text& format, size_t begin, size_t end, int depth) {
    if (depth < 0) fail("Max string recursion exceeded");
    const std::string_view bytes = format.view();
    TextBuilder out(runtime_.budget());
    for (size_t at = begin; at < end;) {
      const size_t brace = std::min(bytes.find_first_of("{}", at), end);
      out.add(format, at, brace);
      at = brace;
      if (at == end) break;
      if (at + 1 < end && bytes[at + 1] == bytes[at]) {
        out.add(format, at, at + 1);
        at += 2;
      } else if (bytes[at] == '}') {
        fail("Single '}' encountered in format string");
      } else {
        const size_t close = closing(bytes, at, end);
        out.add(field(format, at + 1, close, depth).text());
        at = close + 1;
      }
    }
    return out.finish(format.markup());
  }

 private:
  static size_t closing(std::string_view bytes, size_t open, size_t end) {
    int depth = 0;
    for (size_t at = open; at < end; ++at) {
      if (bytes[at] == '{') ++depth;
      if (bytes[at] == '}' && --depth == 0) return at;
    }
    fail("expected '}' before end of string");
  }

  Value field(const Text& format, size_t begin, size_t end, int depth) {
    runtime_.budget().step();
    const std::string_view inside = format.view().substr(begin, end - begin);
    // The name ends at ! or : outside of brackets.
    size_t name_end = 0;
    bool in_brackets = false;
    for (; name_end < inside.size(); ++name_end) {
      const char c = inside[name_end];
      if (c == '[') in_brackets = true;
      if (c == ']') in_brackets = false;
      if (!in_brackets && (c == '!' || c == ':')) break;
    }
    Value value = look_up(inside.substr(0, name_end));
    size_t at = name_end;
    if (at < inside.size() && inside[at] == '!') {
      if (at + 1 >= inside.size()) fail("end of string while looking for conversion specifier");
      value = converted(value, inside[at + 1]);
      at += 2;
      if (at < inside.size() && inside[at] != ':') fail("expected ':' after conversion specifier");
    }
    if (at >= inside.size()) return format_value(runtime_, value, Text("", kTemplate));
    const Value spec = run(format, begin + at + 1, end, depth - 1);
    return format_value(runtime_, value, spec.text());
  }

  Value converted(const Value& value, char conversion) {
    if (conversion == 's') return str_of(runtime_, value);
    if (conversion == 'r' || conversion == 'a') return repr_of(runtime_, value);
    fail("unknown conversion specifier");
  }

  Value look_up(std::string_view name) {
    const size_t first_end = std::min(name.find_first_of(".["), name.size());
    Value value = argument(name.substr(0, first_end));
    name.remove_prefix(first_end);
    while (!name.empty()) {
      const bool is_attribute = name[0] == '.';
      const size_t end =
          is_attribute ? std::min(name.find_first_of(".[", 1), name.size()) : name.find(']');
      if (end == std::string_view::npos) fail("missing ']' in format string");
      const std::string_view key = name.substr(1, end - 1);
      if (key.empty()) fail("empty attribute in format string");
      const auto index = whole_number(key);
      if (is_attribute) {
        value = get_attribute(runtime_, value, key);
      } else {
        value = get_item(runtime_, value, index ? Value(*index) : Value::made(std::string(key)));
      }
      name.remove_prefix(is_attribute ? end : end + 1);
      if (!name.empty() && name[0] != '.' && name[0] != '[') {
        fail("only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  Value argument(std::string_view name) {
    auto index = whole_number(name);
    if (name.empty()) index = next_++;
    if (index) {
      if (static_cast<size_t>(*index) >= arguments_.positional.size()) {
        fail("replacement index out of range for positional args tuple");
      }
      return arguments_.positional[static_cast<size_t>(*index)];
    }
    for (const auto& [key, value] : arguments_.keywords) {
      if (key == name) return value;
    }
    fail(fmt::format("KeyError: {}", quoted(name.substr(0, 100))));
  }

  Runtime& runtime_;
  const Arguments& arguments_;
  int64_t next_ = 0;
};

}  // namespace

Value format_value(Runtime& runtime, const Value& value, const Text& spec_text) {
  Budget& budget = runtime.budget();
  if (spec_text.empty()) return str_of(runtime, value);
  FormatSpec spec = parse_spec(spec_text.view());
  if (value.is_text()) {
    if (spec.align == '0') spec.align = '<';
    return format_text(runtime, value, spec);
  }
  if (spec.align == '0') spec.align = '=';
  if (value.is_double()) {
    return Value::made(pad_number(budget, format_double(budget, *value.number(), spec), spec));
  }
  if (const auto i = value.integer()) {
    const bool as_double =
        spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
    if (spec.precision >= 0 && !as_double)
      fail("Precision not allowed in integer format specifier");
    return Value::made(pad_number(budget, format_integer(budget, *i, spec), spec));
  }
  if (value.is_undefined()) fail(value.undefined().message);
  fail(fmt::format("unsupported format string passed to {}.__format__", value.type_name()));
}

Value brace_format(Runtime& runtime, const Text& format, const Arguments& arguments) {
  return BraceFormatter(runtime, arguments).run(format, 0, format.view().size(), 2);
}

}  // namespace nalar::chat
