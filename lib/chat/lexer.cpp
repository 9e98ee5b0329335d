#include "chat/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "chat/budget.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

constexpr size_t kNotFound = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

class Lexer {
 public:
  Lexer(std::string_view source, const LexerOptions& options)
      : source_(source), options_(options) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) read_text_and_tag();
    add(TokenType::end, source_.size(), "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] static void fail_at(size_t offset, std::string message) {
    throw SourceError{offset, std::move(message)};
  }

  void add(TokenType type, size_t offset, std::string_view value) {
    tokens_.push_back({type, offset, std::string(value)});
  }

  char at(size_t i) const { return i < source_.size() ? source_[i] : '\0'; }
  bool starts(size_t i, std::string_view text) const {
    return source_.substr(i, text.size()) == text;
  }

  size_t skip_space(size_t i) const {
    while (i < source_.size()) {
      const auto c = base::decode_utf8(source_, i);
      if (!unicode::is_space(c.code)) break;
      i += static_cast<size_t>(c.length);
    }
    return i;
  }

  void consume_to(size_t end) {
    line_starting_ = end > 0 && end > at_ && source_[end - 1] == '\n';
    at_ = end;
  }

  // ---- text up to the next tag

  size_t find_tag() const {
    for (size_t i = source_.find('{', at_); i != kNotFound; i = source_.find('{', i + 1)) {
      const char next = at(i + 1);
      if (next == '{' || next == '%' || next == '#') return i;
    }
    return kNotFound;
  }

  void read_text_and_tag() {
    const size_t begin = at_;
    const size_t tag = find_tag();
    if (tag == kNotFound) {
      add(TokenType::data, begin, source_.substr(begin));
      at_ = source_.size();
      return;
    }
    const char kind = source_[tag + 1];
    const char sign = at(tag + 2);
    const bool signed_tag = sign == '-' || sign == '+';
    const std::string_view text =
        strip_before(source_.substr(begin, tag - begin), signed_tag ? sign : '\0', kind != '{');
    if (!text.empty()) add(TokenType::data, begin, text);
    const size_t raw_end =
        kind == '%' ? end_of_raw_begin(tag + 2 + (signed_tag ? 1 : 0)) : kNotFound;
    if (raw_end != kNotFound) {
      consume_to(raw_end);
      read_raw();
      return;
    }
    consume_to(tag + (signed_tag ? 3 : 2));
    if (kind == '#') {
      skip_comment();
    } else {
      add(kind == '%' ? TokenType::block_begin : TokenType::variable_begin, tag, "");
      read_tag(kind == '%');
    }
  }

  // What is left of the text before a tag with this sign.
  std::string_view strip_before(std::string_view text, char sign, bool lstrip) const {
    if (sign == '-') {
      size_t end = text.size();
      while (end > 0) {
        size_t i = end - 1;
        while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) --i;
        if (!unicode::is_space(base::decode_utf8(text, i).code)) break;
        end = i;
      }
      return text.substr(0, end);
    }
    if (sign == '+' || !lstrip || !options_.lstrip_blocks) return text;
    const size_t newline = text.rfind('\n');
    const size_t line = newline == kNotFound ? 0 : newline + 1;
    if (line == 0 && !line_starting_) return text;
    for (size_t i = line; i < text.size();) {
      const auto c = base::decode_utf8(text, i);
      if (!unicode::is_space(c.code)) return text;
      i += static_cast<size_t>(c.length);
    }
    return text.substr(0, line);
  }

  // Behind "raw %}" at i, or kNotFound.
  size_t end_of_raw_begin(size_t i) const {
    i = skip_space(i);
    if (!starts(i, "raw")) return kNotFound;
    i = skip_space(i + 3);
    if (starts(i, "-%}")) return skip_space(i + 3);
    return starts(i, "%}") ? i + 2 : kNotFound;
  }

  void read_raw() {
    const size_t begin = at_;
    for (size_t tag = source_.find("{%", begin); tag != kNotFound;
         tag = source_.find("{%", tag + 1)) {
      const char sign = at(tag + 2);
      const bool signed_tag = sign == '-' || sign == '+';
      size_t i = skip_space(tag + 2 + (signed_tag ? 1 : 0));
      if (!starts(i, "endraw")) continue;
      i = end_of_block(skip_space(i + 6));
      if (i == kNotFound) continue;
      const std::string_view text =
          strip_before(source_.substr(begin, tag - begin), signed_tag ? sign : '\0', true);
      if (!text.empty()) add(TokenType::data, begin, text);
      consume_to(i);
      return;
    }
    if (begin < source_.size()) fail_at(begin, "missing end of raw directive");
  }

  void skip_comment() {
    const size_t begin = at_;
    for (size_t close = source_.find("#}", begin); close != kNotFound;) {
      const char sign = close > begin ? source_[close - 1] : '\0';
      size_t end = close + 2;
      if (sign == '-') {
        end = skip_space(end);
      } else if (sign != '+' && options_.trim_blocks && at(end) == '\n') {
        ++end;
      }
      consume_to(end);
      return;
    }
    if (begin < source_.size()) fail_at(begin, "missing end of comment tag");
  }

  // Behind the %} at i with its sign and what it swallows, or kNotFound.
  size_t end_of_block(size_t i) const {
    if (starts(i, "+%}")) return i + 3;
    if (starts(i, "-%}")) return skip_space(i + 3);
    if (!starts(i, "%}")) return kNotFound;
    return options_.trim_blocks && at(i + 2) == '\n' ? i + 3 : i + 2;
  }

  size_t end_of_variable(size_t i) const {
    if (starts(i, "-}}")) return skip_space(i + 3);
    return starts(i, "}}") ? i + 2 : kNotFound;
  }

  // ---- inside of a tag

  void read_tag(bool is_block) {
    std::string open;  // the brackets that are open, by what closes them
    while (at_ < source_.size()) {
      if (open.empty()) {
        const size_t end = is_block ? end_of_block(at_) : end_of_variable(at_);
        if (end != kNotFound) {
          add(is_block ? TokenType::block_end : TokenType::variable_end, at_, "");
          consume_to(end);
          return;
        }
      }
      const size_t after_space = skip_space(at_);
      if (after_space > at_) {
        consume_to(after_space);
      } else if (!read_number() && !read_name() && !read_string()) {
        read_symbol(open);
      }
    }
  }

  // Digits with single underscores between them.
  template <class IsDigit>
  size_t skip_digits(size_t i, const IsDigit& digit) const {
    if (!digit(at(i))) return i;
    while (digit(at(i)) || (at(i) == '_' && digit(at(i + 1)))) ++i;
    return i;
  }

  std::string without_underscores(size_t begin, size_t end) const {
    std::string out(source_.substr(begin, end - begin));
    out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
    return out;
  }

  bool read_number() {
    if (!is_digit(at(at_))) return false;
    const size_t begin = at_;
    // Not after a dot: a.0.1 are two subscripts.
    const bool may_be_float = begin == 0 || source_[begin - 1] != '.';
    const size_t whole = skip_digits(begin, is_digit);
    size_t fraction = whole;
    if (at(whole) == '.' && is_digit(at(whole + 1))) fraction = skip_digits(whole + 1, is_digit);
    size_t exponent = fraction;
    if ((at(fraction) | 0x20) == 'e') {
      const size_t digits = fraction + (at(fraction + 1) == '+' || at(fraction + 1) == '-' ? 2 : 1);
      if (is_digit(at(digits))) exponent = skip_digits(digits, is_digit);
    }
    if (may_be_float && exponent > whole) {
      add(TokenType::number, begin, without_underscores(begin, exponent));
      consume_to(exponent);
      return true;
    }
    const size_t end = end_of_integer(begin);
    add(TokenType::integer, begin, without_underscores(begin, end));
    consume_to(end);
    return true;
  }

  size_t end_of_integer(size_t begin) const {
    if (source_[begin] != '0') return skip_digits(begin, is_digit);
    const char base = static_cast<char>(at(begin + 1) | 0x20);
    const size_t digits = begin + (at(begin + 2) == '_' ? 3 : 2);
    const auto binary = [](char c) { return c == '0' || c == '1'; };
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    if (base == 'b' && binary(at(digits))) return skip_digits(digits, binary);
    if (base == 'o' && octal(at(digits))) return skip_digits(digits, octal);
    if (base == 'x' && is_hex_digit(at(digits))) return skip_digits(digits, is_hex_digit);
    return skip_digits(begin, [](char c) { return c == '0'; });
  }

  bool read_name() {
    size_t end = at_;
    bool valid = true;
    while (end < source_.size()) {
      const auto c = base::decode_utf8(source_, end);
      const bool part = unicode::is_identifier_part(c.code);
      if (!part && !unicode::is_word(c.code)) break;
      if (!part || (end == at_ && !unicode::is_identifier_start(c.code))) valid = false;
      end += static_cast<size_t>(c.length);
    }
    if (end == at_) return false;
    if (!valid) fail_at(at_, "invalid character in identifier");
    add(TokenType::name, at_, source_.substr(at_, end - at_));
    consume_to(end);
    return true;
  }

  bool read_string() {
    const char quote = source_[at_];
    if (quote != '\'' && quote != '"') return false;
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail_at(at_, "string literal without end");
    try {
      add(TokenType::string, at_, unescape(source_.substr(at_ + 1, end - at_ - 1)));
    } catch (const Failure& failure) {
      fail_at(at_, failure.what());
    }
    consume_to(end + 1);
    return true;
  }

  void read_symbol(std::string& open) {
    constexpr std::string_view kPairs[] = {"//", "**", "==", "!=", ">=", "<="};
    constexpr std::string_view kSingles = "+-/*%~[](){}><=.:|,;";
    std::string_view symbol = source_.substr(at_, 2);
    if (std::find(std::begin(kPairs), std::end(kPairs), symbol) == std::end(kPairs)) {
      symbol = symbol.substr(0, 1);
      if (kSingles.find(symbol[0]) == kNotFound) {
        const auto c = base::decode_utf8(source_, at_);
        fail_at(at_, fmt::format("unexpected char '{}'", base::escaped(source_.substr(
                                                             at_, static_cast<size_t>(c.length)))));
      }
    }
    balance(symbol[0], open);
    add(TokenType::symbol, at_, symbol);
    consume_to(at_ + symbol.size());
  }

  void balance(char symbol, std::string& open) const {
    switch (symbol) {
      case '(':
        open += ')';
        break;
      case '[':
        open += ']';
        break;
      case '{':
        open += '}';
        break;
      case ')':
      case ']':
      case '}':
        if (open.empty()) fail_at(at_, fmt::format("unexpected '{}'", symbol));
        if (open.back() != symbol) {
          fail_at(at_, fmt::format("unexpected '{}', expected '{}'", symbol, open.back()));
        }
        open.pop_back();
        break;
      default:
        break;
    }
  }

  std::string_view source_;
  LexerOptions options_;
  size_t at_ = 0;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::string normalize_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::vector<Token> tokenize(std::string_view source, const LexerOptions& options) {
  return Lexer(source, options).run();
}

}  // namespace nalar::chat
