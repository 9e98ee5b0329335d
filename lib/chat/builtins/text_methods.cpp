#include <fmt/format.h>

#include <algorithm>

#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/operators.h"
#include "chat/runtime.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

constexpr char32_t kSigma = 0x3A3;

// Whether the Σ at this byte ends a word: then its lower case is ς.
bool is_final_sigma(std::string_view text, size_t at) {
  const auto after = base::decode_utf8(text, at);
  const size_t next = at + static_cast<size_t>(after.length);
  if (next < text.size() && unicode::is_cased(base::decode_utf8(text, next).code)) return false;
  if (at == 0) return false;
  size_t before = at - 1;
  while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xC0) == 0x80) --before;
  return unicode::is_cased(base::decode_utf8(text, before).code);
}

void append_lower_at(std::string& out, std::string_view text, char32_t c, size_t at) {
  if (c == kSigma) {
    base::append_utf8(out, is_final_sigma(text, at) ? 0x3C2 : 0x3C3);
  } else if (c < 0x80) {
    out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  } else {
    unicode::append_lower(out, c);
  }
}

Value title(Runtime& runtime, const Text& text) {
  bool in_word = false;
  return map_characters(runtime.budget(), text, [&](std::string& out, char32_t c, size_t at) {
    if (in_word) {
      append_lower_at(out, text.view(), c, at);
    } else {
      unicode::append_title(out, c);
    }
    in_word = unicode::is_cased(c);
  });
}

Value swap_case(Runtime& runtime, const Text& text) {
  return map_characters(runtime.budget(), text, [&](std::string& out, char32_t c, size_t at) {
    if (unicode::is_upper(c)) {
      append_lower_at(out, text.view(), c, at);
    } else if (unicode::is_lower(c)) {
      unicode::append_upper(out, c);
    } else {
      base::append_utf8(out, c);
    }
  });
}

Value pad(Runtime& runtime, const Text& text, int64_t left, int64_t right, const Value& fill) {
  TextBuilder out(runtime.budget());
  const Value blank = fill.is_missing() ? Value::made(" ") : fill;
  const Text& filler = need_text(blank, "the fill character");
  if (filler.length() != 1) fail("The fill character must be exactly one character long");
  out.add_times(filler, 0, filler.view().size(), left);
  out.add(text);
  out.add_times(filler, 0, filler.view().size(), right);
  return out.finish(text.markup());
}

int64_t lacking(const Text& text, int64_t width) {
  const auto length = static_cast<int64_t>(text.length());
  return width > length ? width - length : 0;
}

Value zero_fill(Runtime& runtime, const Call& call) {
  const Text& text = call[0].text();
  const int64_t zeros = lacking(text, need_integer(call[1]));
  const bool sign = !text.empty() && (text.view()[0] == '-' || text.view()[0] == '+');
  const Text zero("0", kTemplate);
  TextBuilder out(runtime.budget());
  out.add(text, 0, sign ? 1 : 0);
  out.add_times(zero, 0, 1, zeros);
  out.add(text, sign ? 1 : 0, text.view().size());
  return out.finish();
}

Value expand_tabs(Runtime& runtime, const Call& call) {
  const int64_t size = integer_or(call[1], 8);
  const Text& text = call[0].text();
  runtime.budget().bytes(text.view().size() * 8);
  TextBuilder out(runtime.budget());
  int64_t column = 0;
  for_characters(text.view(), [&](char32_t c, size_t begin, size_t end) {
    if (c == '\t') {
      const int64_t n = size > 0 ? size - column % size : 0;
      out.add_spaces(n);
      column += n;
    } else {
      out.add(text, begin, end);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  });
  return out.finish();
}

Value remove_prefix(Runtime& runtime, const Call& call) {
  const std::string_view text = call[0].text().view();
  const std::string_view prefix = need_text(call[1], "removeprefix() argument").view();
  if (text.substr(0, prefix.size()) != prefix) return call[0];
  return piece_of(runtime.budget(), call[0].text(), prefix.size(), text.size());
}

Value remove_suffix(Runtime& runtime, const Call& call) {
  const std::string_view text = call[0].text().view();
  const std::string_view suffix = need_text(call[1], "removesuffix() argument").view();
  if (suffix.size() > text.size() || text.substr(text.size() - suffix.size()) != suffix) {
    return call[0];
  }
  return piece_of(runtime.budget(), call[0].text(), 0, text.size() - suffix.size());
}

template <Value (*function)(Runtime&, const Text&)>
Value mapped(Runtime& runtime, const Call& call) {
  return function(runtime, call[0].text());
}

template <bool left, bool right>
Value stripped(Runtime& runtime, const Call& call) {
  return strip(runtime, call[0].text(), call[1], left, right);
}

Value fold(Runtime& runtime, const Text& text) {
  return map_characters(runtime.budget(), text, [](std::string& out, char32_t c, size_t) {
    unicode::append_folded(out, c);
  });
}

Value replaced(Runtime& runtime, const Call& call) {
  const bool markup = call[0].text().markup();
  const auto part = [&](const Value& v, std::string_view what) {
    need_text(v, what);
    return markup ? escape_html(runtime, v) : v;
  };
  const Value old = part(call[1], "replace() argument 1"),
              with = part(call[2], "replace() argument 2");
  return replace(runtime, call[0].text(), old.text(), with.text(), integer_or(call[3], -1));
}

Value joined(Runtime& runtime, const Call& call) {
  return join(runtime, call[0].text(), call[1], false);
}

Value formatted(Runtime& runtime, const Call& call) {
  return brace_format(runtime, call[0].text(), call.rest);
}

Value formatted_map(Runtime& runtime, const Call& call) {
  Arguments arguments;
  if (!call[1].is_dict()) fail("format_map() argument must be a mapping");
  for (const auto& [key, value] : call[1].dict().items()) {
    if (key.is_text()) arguments.keywords.emplace_back(key.text().view(), value);
  }
  return brace_format(runtime, call[0].text(), arguments);
}

Value centered(Runtime& runtime, const Call& call) {
  return center(runtime, call[0].text(), need_integer(call[1]), call[2]);
}
Value left_justified(Runtime& runtime, const Call& call) {
  return pad(runtime, call[0].text(), 0, lacking(call[0].text(), need_integer(call[1])), call[2]);
}
Value right_justified(Runtime& runtime, const Call& call) {
  return pad(runtime, call[0].text(), lacking(call[0].text(), need_integer(call[1])), 0, call[2]);
}

constexpr Builtin kMethods[] = {
    {"capitalize", "self /", mapped<capitalize>},
    {"casefold", "self /", mapped<fold>},
    {"center", "self width fillchar= /", centered},
    {"expandtabs", "self tabsize=", expand_tabs},
    {"format", "self / * **", formatted},
    {"format_map", "self mapping /", formatted_map},
    {"join", "self iterable /", joined},
    {"ljust", "self width fillchar= /", left_justified},
    {"lower", "self /", mapped<lower>},
    {"lstrip", "self chars= /", stripped<true, false>},
    {"removeprefix", "self prefix /", remove_prefix},
    {"removesuffix", "self suffix /", remove_suffix},
    {"replace", "self old new count= /", replaced},
    {"rjust", "self width fillchar= /", right_justified},
    {"rstrip", "self chars= /", stripped<false, true>},
    {"strip", "self chars= /", stripped<true, true>},
    {"swapcase", "self /", mapped<swap_case>},
    {"title", "self /", mapped<title>},
    {"upper", "self /", mapped<upper>},
    {"zfill", "self width /", zero_fill},
};

}  // namespace

std::span<const Builtin> text_methods() { return kMethods; }

Value upper(Runtime& runtime, const Text& text) {
  return map_characters(runtime.budget(), text, [](std::string& out, char32_t c, size_t) {
    if (c < 0x80) {
      out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    } else {
      unicode::append_upper(out, c);
    }
  });
}

Value lower(Runtime& runtime, const Text& text) {
  return map_characters(runtime.budget(), text, [&text](std::string& out, char32_t c, size_t at) {
    append_lower_at(out, text.view(), c, at);
  });
}

Value capitalize(Runtime& runtime, const Text& text) {
  return map_characters(runtime.budget(), text, [&text](std::string& out, char32_t c, size_t at) {
    if (at == 0) {
      unicode::append_title(out, c);
    } else {
      append_lower_at(out, text.view(), c, at);
    }
  });
}

Value center(Runtime& runtime, const Text& text, int64_t width, const Value& fill) {
  const int64_t padding = lacking(text, width);
  const int64_t left = padding / 2 + (padding & width & 1);
  return pad(runtime, text, left, padding - left, fill);
}

Value strip(Runtime& runtime, const Text& text, const Value& characters, bool left, bool right) {
  std::u32string set;
  const bool spaces = characters.is_missing() || characters.is_none();
  if (!spaces) {
    for_characters(need_text(characters, "strip arg").view(),
                   [&set](char32_t c, size_t, size_t) { set += c; });
  }
  std::sort(set.begin(), set.end());
  const auto goes = [&](char32_t c) {
    return spaces ? unicode::is_space(c) : std::binary_search(set.begin(), set.end(), c);
  };
  const std::string_view bytes = text.view();
  size_t begin = 0, end = bytes.size();
  while (left && begin < end) {
    const auto c = base::decode_utf8(bytes, begin);
    if (!goes(c.code)) break;
    begin += static_cast<size_t>(c.length);
  }
  while (right && begin < end) {
    size_t at = end - 1;
    while (at > begin && (static_cast<unsigned char>(bytes[at]) & 0xC0) == 0x80) --at;
    if (!goes(base::decode_utf8(bytes, at).code)) break;
    end = at;
  }
  runtime.budget().bytes((bytes.size() - (end - begin)) * 8);
  return piece_of(runtime.budget(), text, begin, end);
}

Value replace(Runtime& runtime, const Text& text, const Text& old, const Text& with,
              int64_t count) {
  const std::string_view bytes = text.view();
  runtime.budget().bytes(bytes.size());
  TextBuilder out(runtime.budget());
  size_t copied = 0, at = 0;
  while (count != 0) {
    const size_t found = bytes.find(old.view(), at);
    if (found == std::string_view::npos) break;
    out.add(text, copied, found);
    out.add(with);
    runtime.budget().step();
    copied = found + old.view().size();
    if (count > 0) --count;
    if (old.empty()) {  // before every character, and at the end
      if (found >= bytes.size()) break;
      at = found + static_cast<size_t>(base::decode_utf8(bytes, found).length);
    } else {
      at = copied;
    }
  }
  out.add(text, copied, bytes.size());
  return out.finish(text.markup());
}

Value join(Runtime& runtime, const Text& separator, const Value& items, bool convert) {
  TextBuilder out(runtime.budget());
  const auto iterator = iterate(runtime, items);
  bool first = true;
  for (Value item; iterator->next(item); first = false) {
    runtime.budget().step();
    if (!first) out.add(separator);
    if (!convert && !item.is_text()) {
      fail(fmt::format("sequence item: expected str instance, {} found", item.type_name()));
    }
    Value text = str_of(runtime, item);
    if (separator.markup()) text = escape_html(runtime, text);
    out.add(text.text());
  }
  return out.finish(separator.markup());
}

}  // namespace nalar::chat
