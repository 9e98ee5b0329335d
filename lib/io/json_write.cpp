#include <fmt/format.h>
#include <nalar/json.h>

#include <charconv>
#include <cmath>

#include "base/utf8.h"

// Written by hand and not by nlohmann: its Grisu2 gives about one double in a thousand a digit too
// many.
namespace nalar {
namespace {

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void value(const Json& v) {
    switch (v.kind()) {
      case Json::Kind::null:
        out_ += "null";
        break;
      case Json::Kind::boolean:
        out_ += v.as_bool() ? "true" : "false";
        break;
      case Json::Kind::integer:
        out_ += fmt::format("{}", v.as_int64());
        break;
      case Json::Kind::unsigned_integer:
        out_ += fmt::format("{}", v.as_uint64());
        break;
      case Json::Kind::number:
        number(v.as_double());
        break;
      case Json::Kind::string:
        string(v.as_string());
        break;
      case Json::Kind::array:
        list('[', ']', v.as_array(), [&](const Json& item) { value(item); });
        break;
      case Json::Kind::object:
        list('{', '}', v.as_object(), [&](const Json::Member& member) {
          string(member.first);
          out_ += indent_ < 0 ? ":" : ": ";
          value(member.second);
        });
        break;
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void number(double v) {
    if (!std::isfinite(v)) {
      out_ += "null";
      return;
    }
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, v).ptr;
    const std::string_view text(digits, static_cast<size_t>(end - digits));
    out_ += text;
    // A float stays one when it is read again.
    if (text.find_first_of(".e") == std::string_view::npos) out_ += ".0";
  }

  void string(std::string_view text) {
    out_ += '"';
    if (base::is_valid_utf8(text)) {
      characters(text);
    } else {
      characters(base::to_valid_utf8(text));
    }
    out_ += '"';
  }

  void characters(std::string_view text) {
    for (const char c : text) {
      switch (c) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\b':
          out_ += "\\b";
          break;
        case '\f':
          out_ += "\\f";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        default:
          if (static_cast<unsigned char>(c) < 0x20) {
            out_ += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
          } else {
            out_ += c;
          }
      }
    }
  }

  template <typename Items, typename F>
  void list(char open, char close, const Items& items, F&& write) {
    out_ += open;
    ++depth_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      new_line();
      write(item);
    }
    --depth_;
    if (!first) new_line();
    out_ += close;
  }

  void new_line() {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(indent_ * depth_), ' ');
  }

  int indent_;
  int depth_ = 0;
  std::string out_;
};

}  // namespace

std::string to_text(const Json& value, int indent) {
  Writer writer(indent);
  writer.value(value);
  return writer.take();
}

}  // namespace nalar
