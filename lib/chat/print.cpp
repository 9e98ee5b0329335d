#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string>

#include "base/utf8.h"
#include "chat/operators.h"
#include "chat/runtime.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

// Writes repr() of nested values and notes whether a message had a part in it.
class Printer {
 public:
  explicit Printer(Runtime& runtime) : runtime_(runtime) {}

  void print(const Value& value) {
    runtime_.budget().step();
    runtime_.budget().text_size(out_.size());
    switch (value.kind()) {
      case Value::Kind::text:
        print_text(value.text());
        break;
      case Value::Kind::list:
        print_items('[', value.sequence().items, "]");
        break;
      case Value::Kind::tuple: {
        const auto& items = value.sequence().items;
        print_items('(', items, items.size() == 1 ? ",)" : ")");
        break;
      }
      case Value::Kind::dict:
        print_dict(value.dict());
        break;
      default:
        print_plain(value);
    }
  }

  void print_plain(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::missing:
      case Value::Kind::undefined:
        out_ += "Undefined";
        break;
      case Value::Kind::none:
        out_ += "None";
        break;
      case Value::Kind::boolean:
        out_ += value.boolean() ? "True" : "False";
        break;
      case Value::Kind::integer:
        out_ += fmt::format("{}", *value.integer());
        break;
      case Value::Kind::number:
        out_ += float_repr(*value.number());
        break;
      default:
        print_object(value.object());
    }
  }

  Value finish() { return Text(std::move(out_), all_template_ ? kTemplate : kMessage); }

 private:
  void print_object(const Object& object) {
    const auto level = runtime_.budget().call();
    out_ += object.print(runtime_);
    if (object.extent().depth > 0) all_template_ = false;
  }

  void print_text(const Text& text) {
    runtime_.budget().text_size(out_.size() + text.view().size());
    runtime_.budget().bytes(text.view().size() * 4);
    if (!text.all_template()) all_template_ = false;
    if (text.markup()) out_ += "Markup(";
    const size_t before = out_.size();
    out_ += quoted(text.view());
    runtime_.budget().bytes((out_.size() - before) * 4);
    if (text.markup()) out_ += ')';
  }

  void print_items(char open, const std::vector<Value>& items, std::string_view close) {
    out_ += open;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ", ";
      print(items[i]);
    }
    out_ += close;
  }

  void print_dict(const Dict& dict) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : dict.items()) {
      if (!first) out_ += ", ";
      first = false;
      print(key);
      out_ += ": ";
      print(value);
    }
    out_ += '}';
  }

  Runtime& runtime_;
  std::string out_;
  bool all_template_ = true;
};

void append_escaped(std::string& out, char32_t code) {
  if (code < 0x100) {
    out += fmt::format("\\x{:02x}", static_cast<uint32_t>(code));
  } else if (code < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<uint32_t>(code));
  }
}

}  // namespace

std::string quoted(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t plain = at;
    while (at < text.size() && text[at] >= ' ' && text[at] <= '~' && text[at] != quote &&
           text[at] != '\\') {
      ++at;
    }
    out += text.substr(plain, at - plain);
    if (at == text.size()) break;
    if (text[at] == quote || text[at] == '\\') {
      out += '\\';
      out += text[at++];
      continue;
    }
    const auto [code, length, valid] = base::decode_utf8(text, at);
    if (code == '\n') {
      out += "\\n";
    } else if (code == '\r') {
      out += "\\r";
    } else if (code == '\t') {
      out += "\\t";
    } else if (!unicode::is_printable(code)) {
      append_escaped(out, code);
    } else {
      out += text.substr(at, static_cast<size_t>(length));
    }
    at += static_cast<size_t>(length);
  }
  out += quote;
  return out;
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view shortest(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = shortest.find('e');
  const int exponent = std::atoi(std::string(shortest.substr(e + 1)).c_str());
  std::string digits;
  for (const char c : shortest.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  std::string out = std::signbit(value) ? "-" : "";
  const int n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (n > 1) out += '.' + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0)
    return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (n <= exponent + 1) {
    return out + digits + std::string(static_cast<size_t>(exponent + 1 - n), '0') + ".0";
  }
  const auto whole = static_cast<size_t>(exponent + 1);
  return out + digits.substr(0, whole) + '.' + digits.substr(whole);
}

Value repr_of(Runtime& runtime, const Value& value) {
  Printer printer(runtime);
  printer.print(value);
  Value out = printer.finish();
  runtime.budget().bytes(out.text().view().size());
  runtime.budget().text_size(out.text().view().size());
  return out;
}

Value str_of(Runtime& runtime, const Value& value) {
  if (value.is_text()) return value;
  if (value.is_undefined()) {
    runtime.may_ignore(value);
    return Value::made("");
  }
  return repr_of(runtime, value);
}

}  // namespace nalar::chat
