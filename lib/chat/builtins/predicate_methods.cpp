#include <algorithm>

#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/runtime.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

// Not empty, and every character has the property.
template <bool (*property)(char32_t)>
Value all_characters(Runtime& runtime, const Call& call) {
  const std::string_view text = call[0].text().view();
  runtime.budget().bytes(text.size() * 4);
  bool all = !text.empty();
  for_characters(text, [&all](char32_t c, size_t, size_t) { all = all && property(c); });
  return all;
}

// str.islower, str.isupper: the property, at least once, and no cased character without it.
template <bool (*property)(char32_t)>
Value all_cased(Runtime& runtime, const Call& call) {
  const std::string_view text = call[0].text().view();
  runtime.budget().bytes(text.size() * 4);
  bool any = false, all = true;
  for_characters(text, [&](char32_t c, size_t, size_t) {
    if (property(c)) {
      any = true;
    } else if (unicode::is_cased(c)) {
      all = false;
    }
  });
  return any && all;
}

Value is_title(Runtime& runtime, const Call& call) {
  const std::string_view text = call[0].text().view();
  runtime.budget().bytes(text.size() * 4);
  bool any = false, all = true, in_word = false;
  for_characters(text, [&](char32_t c, size_t, size_t) {
    const bool large = unicode::is_upper(c) || unicode::is_title(c);
    if (large ? in_word : (unicode::is_lower(c) && !in_word)) all = false;
    in_word = unicode::is_cased(c);
    any = any || in_word;
  });
  return any && all;
}

Value is_ascii(Runtime&, const Call& call) { return call[0].text().ascii(); }

Value is_identifier(Runtime& runtime, const Call& call) {
  const std::string_view text = call[0].text().view();
  runtime.budget().bytes(text.size() * 4);
  bool all = !text.empty();
  for_characters(text, [&all](char32_t c, size_t at, size_t) {
    all = all && (at == 0 ? unicode::is_identifier_start(c) : unicode::is_identifier_part(c));
  });
  return all;
}

Value is_printable(Runtime& runtime, const Call& call) {
  return call[0].text().empty() || all_characters<unicode::is_printable>(runtime, call).boolean();
}

constexpr Builtin kMethods[] = {
    {"isalnum", "self /", all_characters<unicode::is_alnum>},
    {"isalpha", "self /", all_characters<unicode::is_alpha>},
    {"isascii", "self /", is_ascii},
    {"isdecimal", "self /", all_characters<unicode::is_decimal>},
    {"isdigit", "self /", all_characters<unicode::is_digit>},
    {"isidentifier", "self /", is_identifier},
    {"islower", "self /", all_cased<unicode::is_lower>},
    {"isnumeric", "self /", all_characters<unicode::is_numeric>},
    {"isprintable", "self /", is_printable},
    {"isspace", "self /", all_characters<unicode::is_space>},
    {"istitle", "self /", is_title},
    {"isupper", "self /", all_cased<unicode::is_upper>},
};

}  // namespace

std::span<const Builtin> predicate_methods() { return kMethods; }

}  // namespace nalar::chat
