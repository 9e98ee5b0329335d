#include "tokenizer/normalizer.h"

#include <nalar/error.h>
#include <utf8proc.h>

#include <memory>

#include "base/utf8.h"
#include "tokenizer/byte_chars.h"
#include "tokenizer/characters.h"
#include "tokenizer/regex.h"
#include "tokenizer/replace.h"

namespace nalar::tokenizer {
namespace {

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if ((c & 0x80) != 0) return false;
  }
  return true;
}

// Calls on_valid for the stretches that are UTF-8 and copies the bytes between them.
template <typename OnValid>
void by_valid_stretches(std::string& text, const OnValid& on_valid) {
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  const auto flush = [&](size_t end) {
    if (begin < end) on_valid(std::string_view(text).substr(begin, end - begin), out);
  };
  for (size_t at = 0; at < text.size();) {
    const base::Utf8Char c = base::decode_utf8(text, at);
    const size_t end = at + static_cast<size_t>(c.length);
    if (!c.valid) {
      flush(at);
      out.append(text, at, end - at);
      begin = end;
    }
    at = end;
  }
  flush(text.size());
  text = std::move(out);
}

// `change(code, out)` appends what a character becomes.
template <typename Change>
NormalizeStep each_character(Change change) {
  return [change](std::string& text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const base::Utf8Char c = base::decode_utf8(text, at);
      if (c.valid) {
        change(c.code, out);
      } else {
        out.append(text, at, static_cast<size_t>(c.length));
      }
      at += static_cast<size_t>(c.length);
    }
    text = std::move(out);
  };
}

utf8proc_option_t options_of(UnicodeForm form) {
  const bool composes = form == UnicodeForm::nfc || form == UnicodeForm::nfkc;
  const bool compatible = form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
  return static_cast<utf8proc_option_t>(UTF8PROC_STABLE |
                                        (composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                                        (compatible ? UTF8PROC_COMPAT : 0));
}

void append_form(std::string_view text, utf8proc_option_t options, std::string& out) {
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t n =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &result, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, std::free);
  if (n < 0) throw Error(ErrorKind::internal, utf8proc_errmsg(n));
  out.append(reinterpret_cast<const char*>(result), static_cast<size_t>(n));
}

bool is_nmt_control(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
         c == 0x8F || c == 0x9F;
}

bool is_nmt_space(char32_t c) {
  return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
         c == 0xFFFD;
}

}  // namespace

NormalizeStep normalize_unicode(UnicodeForm form) {
  return [options = options_of(form)](std::string& text) {
    if (is_ascii(text)) return;
    by_valid_stretches(
        text, [&](std::string_view part, std::string& out) { append_form(part, options, out); });
  };
}

NormalizeStep normalize_lowercase() {
  return each_character([](char32_t c, std::string& out) {
    if (c == 0x130) {  // İ is the one letter that becomes two characters
      out += "i\u0307";
    } else {
      base::append_utf8(out,
                        static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  });
}

NormalizeStep normalize_strip(bool left, bool right) {
  return [left, right](std::string& text) {
    if (right) text.resize(text.size() - trailing_space(text));
    if (left) text.erase(0, leading_space(text));
  };
}

NormalizeStep normalize_strip_accents() {
  return each_character([](char32_t c, std::string& out) {
    if (!is_mark(c)) base::append_utf8(out, c);
  });
}

NormalizeStep normalize_replace(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::string& text) {
    replace_all(text, from, to);
  };
}

NormalizeStep normalize_replace_regex(std::string_view pattern, std::string to) {
  auto regex = std::make_shared<const Regex>(pattern);
  return [regex, to = std::move(to)](std::string& text) {
    std::string out;
    size_t done = 0;
    regex->for_each_match(text, [&](TextRange m) {
      out.append(text, done, m.begin - done).append(to);
      done = m.end;
    });
    if (done == 0 && out.empty()) return;
    out.append(text, done, std::string::npos);
    text = std::move(out);
  };
}

NormalizeStep normalize_prepend(std::string prefix) {
  return [prefix = std::move(prefix)](std::string& text) {
    if (!text.empty()) text.insert(0, prefix);
  };
}

NormalizeStep normalize_byte_level() {
  return [](std::string& text) {
    std::string out;
    out.reserve(text.size() * 2);
    append_byte_chars(out, text);
    text = std::move(out);
  };
}

NormalizeStep normalize_nmt() {
  return each_character([](char32_t c, std::string& out) {
    if (is_nmt_control(c)) return;
    base::append_utf8(out, is_nmt_space(c) ? U' ' : c);
  });
}

NormalizeStep normalize_extra_spaces() {
  return [](std::string& text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
      if (c == ' ' && (out.empty() || out.back() == ' ')) continue;
      out.push_back(c);
    }
    if (!out.empty() && out.back() == ' ') out.pop_back();
    text = std::move(out);
  };
}

}  // namespace nalar::tokenizer
