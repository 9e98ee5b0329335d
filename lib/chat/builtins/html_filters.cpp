#include <fmt/format.h>

#include <string>

#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/operators.h"
#include "chat/runtime.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

Value with_markup(const Value& text, bool markup) {
  return Text(std::string(text.text().view()), text.text().runs(), markup);
}

Value escape(Runtime& runtime, const Call& call) { return escape_html(runtime, call[0]); }
Value force_escape(Runtime& runtime, const Call& call) {
  return escape_html(runtime, call[0], true);
}
Value safe(Runtime& runtime, const Call& call) {
  return with_markup(str_of(runtime, call[0]), true);
}

// RFC 3986's unreserved characters stay, and what is in `safe`; all else becomes %XX of its bytes.
Value quote_url(Runtime& runtime, const Value& value, bool query) {
  const Value text = str_of(runtime, value);
  const std::string_view safe = query ? "" : "/";
  return map_characters(runtime.budget(), text.text(), [&](std::string& out, char32_t c, size_t) {
    const bool plain =
        c < 0x80 && (std::isalnum(static_cast<int>(c)) != 0 || c == '_' || c == '.' || c == '-' ||
                     c == '~' || safe.find(static_cast<char>(c)) != std::string_view::npos);
    if (plain) {
      out += static_cast<char>(c);
    } else if (query && c == ' ') {
      out += '+';
    } else {
      std::string bytes;
      base::append_utf8(bytes, c);
      for (const char b : bytes) out += fmt::format("%{:02X}", static_cast<unsigned char>(b));
    }
  });
}

Value url_encode(Runtime& runtime, const Call& call) {
  const Value& value = call[0];
  if (value.is_text() || !is_iterable(runtime, value)) return quote_url(runtime, value, false);
  std::vector<Keyed> pairs;
  if (value.is_dict()) {
    for (const auto& [name, v] : value.dict().items()) pairs.push_back({name, v});
  } else {
    for (const Value& pair : to_vector(runtime, value)) {
      const auto items = to_vector(runtime, pair);
      if (items.size() != 2) fail("urlencode needs pairs of name and value");
      pairs.push_back({items[0], items[1]});
    }
  }
  TextBuilder out(runtime.budget());
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (i > 0) out.add("&", kTemplate);
    out.add(quote_url(runtime, pairs[i].key, true).text());
    out.add("=", kTemplate);
    out.add(quote_url(runtime, pairs[i].value, true).text());
  }
  return out.finish();
}

Value xml_attributes(Runtime& runtime, const Call& call) {
  if (!call[0].is_dict()) fail("xmlattr needs a mapping");
  const bool auto_space = flag_or(runtime, call[1], true);
  TextBuilder out(runtime.budget());
  for (const auto& [key, value] : call[0].dict().items()) {
    if (value.is_none() || value.is_undefined()) continue;
    const std::string_view name = need_text(key, "an attribute's name").view();
    if (name.find_first_of(" \t\n\v\f\r/>=") != std::string_view::npos) {
      fail(fmt::format("Invalid character in attribute name: {}", quoted(name.substr(0, 100))));
    }
    if (auto_space || out.size() > 0) out.add(" ", kTemplate);
    out.add(escape_html(runtime, key).text());
    out.add("=\"", kTemplate);
    out.add(escape_html(runtime, value).text());
    out.add("\"", kTemplate);
  }
  return out.finish();
}

constexpr Builtin kFilters[] = {
    {"e", "s /", escape},
    {"escape", "s /", escape},
    {"forceescape", "value", force_escape},
    {"safe", "value", safe},
    {"urlencode", "value", url_encode},
    {"xmlattr", "d autospace=", xml_attributes},
};

}  // namespace

std::span<const Builtin> html_filters() { return kFilters; }

Value escape_html(Runtime& runtime, const Value& value, bool again) {
  const Value text = str_of(runtime, value);
  if (text.text().markup() && !again) return text;
  const Value out =
      map_characters(runtime.budget(), text.text(), [](std::string& to, char32_t c, size_t) {
        switch (c) {
          case '&':
            to += "&amp;";
            break;
          case '<':
            to += "&lt;";
            break;
          case '>':
            to += "&gt;";
            break;
          case '\'':
            to += "&#39;";
            break;
          case '"':
            to += "&#34;";
            break;
          default:
            base::append_utf8(to, c);
        }
      });
  return with_markup(out, true);
}

}  // namespace nalar::chat
