#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/utf8.h"
#include "chat/number_format.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

constexpr int64_t kLargest = int64_t{1} << 31;

// One pass over a %-format.
class PrintfFormatter {
 public:
  PrintfFormatter(Runtime& runtime, const Text& format, const Value& values)
      : runtime_(runtime),
        format_(format),
        bytes_(format.view()),
        values_(values),
        out_(runtime.budget()) {}

  Value run() {
    while (at_ < bytes_.size()) {
      const size_t percent = std::min(bytes_.find('%', at_), bytes_.size());
      out_.add(format_, at_, percent);
      at_ = percent;
      if (at_ < bytes_.size()) convert();
    }
    // Whatever can be subscribed counts as a mapping, of which not all needs to be used.
    const bool mapping = values_.is_dict() || values_.is_list() || values_.is_undefined() ||
                         values_.object_as<Range>() != nullptr;
    const bool all_used =
        mapping || used_ == (values_.is_tuple() ? values_.sequence().items.size() : 1);
    if (!all_used) fail("not all arguments converted during string formatting");
    return out_.finish(format_.markup());
  }

 private:
  char peek() const {
    if (at_ >= bytes_.size()) fail("incomplete format");
    return bytes_[at_];
  }

  const Value& next_value() {
    if (values_.is_tuple()) {
      const auto& items = values_.sequence().items;
      if (used_ >= items.size()) fail("not enough arguments for format string");
      return items[used_++];
    }
    if (used_++ > 0) fail("not enough arguments for format string");
    return values_;
  }

  std::optional<Value> named_value() {
    if (peek() != '(') return std::nullopt;
    if (!values_.is_dict()) fail("format requires a mapping");
    int open = 1;
    const size_t begin = ++at_;
    for (; open > 0; ++at_) {
      const char c = peek();
      open += c == '(' ? 1 : (c == ')' ? -1 : 0);
    }
    const std::string_view name = bytes_.substr(begin, at_ - 1 - begin);
    const Value* found = values_.dict().find(name);
    if (found == nullptr) fail(fmt::format("KeyError: {}", quoted(name.substr(0, 100))));
    return *found;
  }

  int64_t number() {
    if (peek() == '*') {
      ++at_;
      const Value& value = next_value();
      const auto n = value.integer();
      if (!n) fail("* wants int");
      if (*n > kLargest || *n < -kLargest) fail("template output limit reached");
      return *n;
    }
    int64_t n = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      n = n * 10 + (peek() - '0');
      if (n > kLargest) fail("template output limit reached");
    }
    return n;
  }

  void convert() {
    const Origin origin = format_.origin_at(at_);
    ++at_;
    std::optional<Value> value = named_value();
    FormatSpec spec;
    bool zero = false;
    for (; std::string_view("#0- +").find(peek()) != std::string_view::npos; ++at_) {
      const char flag = peek();
      if (flag == '#') spec.alternate = true;
      if (flag == '0') zero = true;
      if (flag == '-') spec.align = '<';
      if (flag == '+') spec.sign = '+';
      if (flag == ' ' && spec.sign != '+') spec.sign = ' ';
    }
    spec.width = number();
    if (spec.width < 0) {
      spec.align = '<';
      spec.width = -spec.width;
    }
    if (peek() == '.') {
      ++at_;
      spec.precision = std::max<int64_t>(number(), 0);
    }
    if (spec.width > kLargest || spec.precision > kLargest) fail("template output limit reached");
    while (std::string_view("hlL").find(peek()) != std::string_view::npos) ++at_;
    spec.type = peek();
    ++at_;
    if (spec.type == '%') {
      out_.add("%", origin);
      return;
    }
    if (!value) value = next_value();
    if (zero && spec.align == '\0') {
      spec.fill = "0";
      spec.align = '=';
    }
    write(*value, spec);
  }

  void write(const Value& value, FormatSpec spec) {
    Budget& budget = runtime_.budget();
    switch (spec.type) {
      case 's':
        write_text(format_.markup() ? escape_html(runtime_, value) : str_of(runtime_, value), spec);
        return;
      case 'r':
      case 'a':
        write_text(repr_of(runtime_, value), spec);
        return;
      case 'c':
        write_character(value, spec);
        return;
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        spec.type = spec.type == 'i' || spec.type == 'u' ? 'd' : spec.type;
        out_.add(pad_number(budget, format_integer(budget, integer(value, spec.type), spec), spec),
                 kTemplate);
        return;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        const auto number = value.number();
        if (!number) fail(fmt::format("must be real number, not {}", value.type_name()));
        out_.add(pad_number(budget, format_double(budget, *number, spec), spec), kTemplate);
        return;
      }
      default:
        fail(fmt::format("unsupported format character '{}'",
                         base::escaped(std::string_view(&spec.type, 1))));
    }
  }

  static int64_t integer(const Value& value, char type) {
    if (const auto i = value.integer()) return *i;
    if (type == 'd' && value.is_double()) {
      const double whole = std::trunc(*value.number());
      if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) {
        fail("integer overflow: a number beyond 64 bits");
      }
      return static_cast<int64_t>(whole);
    }
    fail(fmt::format("%{} format: an integer is required, not {}", type, value.type_name()));
  }

  void write_character(const Value& value, const FormatSpec& spec) {
    if (value.is_text()) {
      if (value.text().length() != 1) fail("%c requires int or char");
      write_text(value, spec);
      return;
    }
    if (!value.integer()) fail("%c requires int or char");
    write_text(Value::made(format_integer(runtime_.budget(), *value.integer(), spec)), spec);
  }

  void write_text(const Value& value, const FormatSpec& spec) {
    const Value cut = spec.precision < 0 || spec.type == 'c'
                          ? value
                          : substring(runtime_, value, 0, static_cast<size_t>(spec.precision));
    const int64_t lacking = spec.width - static_cast<int64_t>(cut.text().length());
    if (spec.align != '<') out_.add_spaces(lacking);
    out_.add(cut.text());
    if (spec.align == '<') out_.add_spaces(lacking);
  }

  Runtime& runtime_;
  const Text& format_;
  std::string_view bytes_;
  const Value& values_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t used_ = 0;
};

}  // namespace

Value printf_format(Runtime& runtime, const Text& format, const Value& values) {
  return PrintfFormatter(runtime, format, values).run();
}

}  // namespace nalar::chat
