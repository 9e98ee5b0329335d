#include <fmt/format.h>

#include <cmath>
#include <string>

#include "base/utf8.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

void append_json_string(std::string& out, std::string_view text, bool ascii) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const size_t plain = at;
    while (at < text.size() && text[at] >= ' ' && text[at] <= '~' && text[at] != '"' &&
           text[at] != '\\') {
      ++at;
    }
    out += text.substr(plain, at - plain);
    if (at == text.size()) break;
    if (text[at] == '"' || text[at] == '\\') {
      out += '\\';
      out += text[at++];
      continue;
    }
    const auto [code, length, valid] = base::decode_utf8(text, at);
    switch (code) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (code < 0x20 || (ascii && code >= 0x7F && code < 0x10000)) {
          out += code == 0x7F ? "\x7F" : fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
        } else if (ascii && code >= 0x10000) {
          const uint32_t rest = static_cast<uint32_t>(code) - 0x10000;
          out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
        } else {
          out += text.substr(at, static_cast<size_t>(length));
        }
    }
    at += static_cast<size_t>(length);
  }
  out += '"';
}

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return float_repr(value);
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  void write(const Value& value, int level) {
    runtime_.budget().step();
    runtime_.budget().text_size(out_.size());
    switch (value.kind()) {
      case Value::Kind::none:
        out_ += "null";
        break;
      case Value::Kind::boolean:
        out_ += value.boolean() ? "true" : "false";
        break;
      case Value::Kind::integer:
        out_ += fmt::format("{}", *value.integer());
        break;
      case Value::Kind::number:
        out_ += json_number(*value.number());
        break;
      case Value::Kind::text:
        write_text(value.text());
        break;
      case Value::Kind::list:
      case Value::Kind::tuple:
        write_items(value.sequence().items, level);
        break;
      case Value::Kind::dict:
        write_dict(value.dict(), level);
        break;
      default:
        fail(fmt::format("Object of type {} is not JSON serializable", value.type_name()));
    }
  }

  Value finish() {
    runtime_.budget().text_size(out_.size());
    runtime_.budget().bytes(out_.size());
    return Text(std::move(out_), all_template_ ? kTemplate : kMessage);
  }

 private:
  void write_text(const Text& text) {
    runtime_.budget().text_size(out_.size() + text.view().size());
    runtime_.budget().bytes(text.view().size() * 4);
    if (!text.all_template()) all_template_ = false;
    const size_t before = out_.size();
    append_json_string(out_, text.view(), style_.ascii);
    runtime_.budget().bytes((out_.size() - before) * 4);
  }

  void new_line(int level) {
    if (!style_.indent) return;
    out_ += '\n';
    runtime_.budget().text_size(out_.size() + style_.indent->size() * static_cast<size_t>(level));
    runtime_.budget().bytes(style_.indent->size() * static_cast<size_t>(level));
    for (int i = 0; i < level; ++i) out_ += *style_.indent;
  }

  void separate(bool first, int level) {
    if (!first) out_ += style_.item_separator;
    new_line(level);
  }

  void write_items(const std::vector<Value>& items, int level) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      separate(i == 0, level + 1);
      write(items[i], level + 1);
    }
    new_line(level);
    out_ += ']';
  }

  void write_key(const Value& key) {
    switch (key.kind()) {
      case Value::Kind::text:
        write_text(key.text());
        break;
      case Value::Kind::none:
      case Value::Kind::boolean:
      case Value::Kind::integer:
      case Value::Kind::number:
        out_ += '"';
        write(key, 0);
        out_ += '"';
        break;
      default:
        fail(fmt::format("keys must be str, int, float, bool or None, not {}", key.type_name()));
    }
  }

  void write_dict(const Dict& dict, int level) {
    if (dict.size() == 0) {
      out_ += "{}";
      return;
    }
    std::vector<Keyed> items;
    for (const auto& [key, value] : dict.items()) items.push_back({key, value});
    if (style_.sorted) sort_keyed(runtime_, items, false);
    out_ += '{';
    for (size_t i = 0; i < items.size(); ++i) {
      separate(i == 0, level + 1);
      write_key(items[i].key);
      out_ += style_.key_separator;
      write(items[i].value, level + 1);
    }
    new_line(level);
    out_ += '}';
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
  bool all_template_ = true;
};

}  // namespace

Value json_dumps(Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonWriter writer(runtime, style);
  writer.write(value, 0);
  return writer.finish();
}

}  // namespace nalar::chat
