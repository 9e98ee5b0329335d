#include "tokenizer/regex_syntax.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <cctype>

#include "base/utf8.h"

namespace nalar::tokenizer {
namespace {

// Unicode White_Space and its complement, as the inside of a class.
constexpr std::string_view kSpace =
    R"(\x09-\x0d\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kNoSpace =
    R"(\x00-\x08\x0e-\x1f\x21-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027})"
    R"(\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
// Alphabetic, marks, decimal digits, connectors: what a word is made of.
constexpr std::string_view kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

class Rewriter {
 public:
  explicit Rewriter(std::string_view pattern) : in_(pattern) {}

  std::string run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape(false);
      } else if (c == '[') {
        char_class();
      } else if (c == '(') {
        group();
      } else if (c == '{') {
        interval();
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(ErrorKind::bad_data, fmt::format("unsupported pattern \"{}\" (at byte {}): {}",
                                                 base::escaped(in_, 80), at_, what));
  }

  char next(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }

  void set(std::string_view inside, bool in_class, bool negated = false) {
    out_ += in_class ? std::string(inside) : fmt::format("[{}{}]", negated ? "^" : "", inside);
  }

  // \b and \B by our own idea of a word; PCRE2 10.42 has another.
  void boundary(bool at_edge) {
    const std::string w = fmt::format("[{}]", kWord);
    out_ += at_edge ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", w)
                    : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", w);
  }

  void escape(bool in_class) {
    const char c = next(1);
    at_ += 2;
    switch (c) {
      case 's':
        return set(kSpace, in_class);
      case 'S':
        return in_class ? set(kNoSpace, true) : set(kSpace, false, true);
      case 'h':
        return set("0-9A-Fa-f", in_class);
      case 'w':
        return set(kWord, in_class);
      case 'v':
        out_ += "\\x0b";
        return;
      case 'H':
      case 'W':
        if (in_class) refuse("a negated class inside a class");
        return set(c == 'W' ? kWord : "0-9A-Fa-f", false, true);
      case 'b':
      case 'B':
        if (in_class) {
          if (c == 'B') refuse("\\B inside a class");
          out_ += "\\x08";
          return;
        }
        return boundary(c == 'b');
      case 'u':
        return code_point();
      case 'p':
      case 'P':
        return property(c);
      case '\0':
        refuse("it ends in a backslash");
      default:
        break;
    }
    constexpr std::string_view kSame = "dDnrtfaexAzZGRXK0123456789";
    if (std::isalnum(static_cast<unsigned char>(c)) && kSame.find(c) == std::string_view::npos) {
      refuse(fmt::format("the escape \\{}", c));
    }
    out_ += '\\';
    out_ += c;
  }

  void code_point() {
    const std::string_view digits = in_.substr(at_, 4);
    if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
      refuse("\\u needs four hexadecimal digits");
    }
    out_ += fmt::format("\\x{{{}}}", digits);
    at_ += 4;
  }

  void property(char c) {
    if (next() != '{') refuse("a property needs braces");
    const size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) refuse("a property that does not end");
    out_ += '\\';
    out_ += c;
    out_ += in_.substr(at_, end + 1 - at_);
    at_ = end + 1;
  }

  void char_class() {
    out_ += '[';
    ++at_;
    if (next() == '^') out_ += in_[at_++];
    if (next() == ']') out_ += "\\]", ++at_;
    while (true) {
      const char c = next();
      if (at_ >= in_.size()) refuse("a class that does not end");
      if (c == ']') break;
      if (c == '\\') {
        escape(true);
      } else if (c == '[' && next(1) == ':') {
        const size_t end = in_.find(":]", at_);
        if (end == std::string_view::npos) refuse("a class that does not end");
        out_ += in_.substr(at_, end + 2 - at_);
        at_ = end + 2;
      } else if (c == '[') {
        refuse("a class inside a class");
      } else if (c == '&' && next(1) == '&') {
        refuse("an intersection of classes");
      } else {
        out_ += c;
        ++at_;
      }
    }
    out_ += ']';
    ++at_;
  }

  void group() {
    out_ += in_[at_++];
    if (next() == '*') refuse("a verb");
    if (next() != '?') return;
    out_ += in_[at_++];
    const char c = next();
    if (c == '<' || c == ':' || c == '=' || c == '!' || c == '>' || c == '#') {
      out_ += c;
      ++at_;
      return;
    }
    while (next() != ')' && next() != ':') {
      const char o = next();
      if (o != 'i' && o != 'm' && o != 'x' && o != '-') refuse("this kind of group");
      out_ += o == 'm' ? 's' : o;
      ++at_;
    }
  }

  void interval() {
    const size_t end = in_.find('}', at_);
    const std::string_view inside =
        end == std::string_view::npos ? std::string_view() : in_.substr(at_ + 1, end - at_ - 1);
    const bool is_interval = !inside.empty() && inside != "," &&
                             inside.find_first_not_of("0123456789,") == std::string_view::npos;
    if (!is_interval) {
      out_ += "\\{";
      ++at_;
      return;
    }
    at_ = end + 1;
    if (next() == '+') refuse("a repeated interval");
    out_ += inside.front() == ',' ? fmt::format("{{0{}}}", inside) : fmt::format("{{{}}}", inside);
  }

  std::string_view in_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string to_pcre2(std::string_view pattern) { return Rewriter(pattern).run(); }

}  // namespace nalar::tokenizer
