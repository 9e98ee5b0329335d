#include "chat/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "base/utf8.h"

namespace nalar::chat::unicode {
namespace {

struct Range {
  char32_t first, last;
};
struct Mapping {
  char32_t from;
  char32_t to[3];
};

#include "chat/unicode_tables.inc"

template <size_t n>
bool in_ranges(const Range (&ranges)[n], char32_t c) {
  const auto after = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                      [](char32_t code, const Range& r) { return code < r.first; });
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

template <size_t n>
const Mapping* find_mapping(const Mapping (&mappings)[n], char32_t c) {
  const auto it = std::lower_bound(std::begin(mappings), std::end(mappings), c,
                                   [](const Mapping& m, char32_t code) { return m.from < code; });
  return it != std::end(mappings) && it->from == c ? it : nullptr;
}

void append_mapping(std::string& out, const Mapping& mapping) {
  for (const char32_t c : mapping.to) {
    if (c != 0) base::append_utf8(out, c);
  }
}

utf8proc_int32_t signed_code(char32_t c) { return static_cast<utf8proc_int32_t>(c); }
utf8proc_category_t category(char32_t c) { return utf8proc_category(signed_code(c)); }

bool is_letter(utf8proc_category_t category) {
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_alpha(char32_t c) { return is_letter(category(c)); }
bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

int decimal_value(char32_t c) {
  if (!is_decimal(c)) return -1;
  // Decimal digits come in rows of ten, some right behind each other.
  char32_t first = c;
  while (is_decimal(first - 1)) --first;
  return static_cast<int>((c - first) % 10);
}

bool is_digit(char32_t c) { return is_decimal(c) || in_ranges(kOtherDigit, c); }

bool is_numeric(char32_t c) {
  const auto of = category(c);
  return (of >= UTF8PROC_CATEGORY_ND && of <= UTF8PROC_CATEGORY_NO) || in_ranges(kNumericLetter, c);
}

bool is_alnum(char32_t c) { return is_alpha(c) || is_numeric(c); }
bool is_lower(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LL || in_ranges(kOtherLower, c);
}
bool is_upper(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LU || in_ranges(kOtherUpper, c);
}
bool is_title(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LT; }
bool is_cased(char32_t c) { return is_lower(c) || is_upper(c) || is_title(c); }

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  const auto of = category(c);
  return of != UTF8PROC_CATEGORY_CN && of < UTF8PROC_CATEGORY_ZS;
}

bool is_word(char32_t c) { return c == '_' || is_alnum(c); }
bool is_identifier_start(char32_t c) {
  return c == '_' || is_alpha(c) || category(c) == UTF8PROC_CATEGORY_NL;
}
bool is_identifier_part(char32_t c) {
  const auto of = category(c);
  return is_identifier_start(c) || of == UTF8PROC_CATEGORY_MN || of == UTF8PROC_CATEGORY_MC ||
         of == UTF8PROC_CATEGORY_ND || of == UTF8PROC_CATEGORY_PC;
}

void append_upper(std::string& out, char32_t c) {
  if (const Mapping* mapping = find_mapping(kLongUpper, c)) return append_mapping(out, *mapping);
  base::append_utf8(out, static_cast<char32_t>(utf8proc_toupper(signed_code(c))));
}

void append_lower(std::string& out, char32_t c) {
  if (c == 0x130) {  // İ: i and a dot above
    out += "i\xCC\x87";
    return;
  }
  base::append_utf8(out, static_cast<char32_t>(utf8proc_tolower(signed_code(c))));
}

void append_title(std::string& out, char32_t c) {
  if (const Mapping* mapping = find_mapping(kLongTitle, c)) return append_mapping(out, *mapping);
  base::append_utf8(out, static_cast<char32_t>(utf8proc_totitle(signed_code(c))));
}

void append_folded(std::string& out, char32_t c) {
  utf8proc_int32_t folded[8];
  int boundary = 0;
  const auto n = utf8proc_decompose_char(signed_code(c), folded, 8, UTF8PROC_CASEFOLD, &boundary);
  for (utf8proc_ssize_t i = 0; i < n && i < 8; ++i) {
    base::append_utf8(out, static_cast<char32_t>(folded[i]));
  }
}

}  // namespace nalar::chat::unicode
