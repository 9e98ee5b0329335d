#include "eval/literal.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <charconv>

#include "base/utf8.h"
#include "chat/budget.h"
#include "chat/lexer.h"

namespace nalar::eval {
namespace {

constexpr int kMaxDepth = 32;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json whole() {
    Json out = value(0);
    skip_space();
    if (at_ < text_.size()) fail();
    return out;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorKind::bad_data,
                fmt::format("got \"{}\", need a list as Python writes it (at byte {})",
                            base::escaped(text_, 80), at_));
  }
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Json value(int depth) {
    if (depth > kMaxDepth) fail();
    skip_space();
    if (at_ >= text_.size()) fail();
    if (take("[")) return list(']', depth);
    if (take("(")) return list(')', depth);
    if (take("True")) return true;
    if (take("False")) return false;
    if (take("None")) return nullptr;
    const char c = text_[at_];
    return c == '\'' || c == '"' ? string(c) : number();
  }

  Json list(char close, int depth) {
    Json::Array items;
    while (true) {
      skip_space();
      if (take({&close, 1})) return items;
      items.push_back(value(depth + 1));
      skip_space();
      if (!take(",") && (at_ >= text_.size() || text_[at_] != close)) fail();
    }
  }

  Json string(char quote) {
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != quote) at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) fail();
    const std::string_view inside = text_.substr(begin, at_++ - begin);
    try {
      return chat::unescape(inside);
    } catch (const chat::Failure&) {
      fail();
    }
  }

  Json number() {
    const size_t end = std::min(text_.find_first_of(",)] \t\r\n", at_), text_.size());
    const char* const first = text_.data() + at_;
    const char* const last = text_.data() + end;
    int64_t whole = 0;
    double real = 0;
    if (const auto r = std::from_chars(first, last, whole); r.ec == std::errc{} && r.ptr == last) {
      at_ = end;
      return whole;
    }
    if (const auto r = std::from_chars(first, last, real); r.ec == std::errc{} && r.ptr == last) {
      at_ = end;
      return real;
    }
    fail();
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Json parse_python_literal(std::string_view text) { return Parser(text).whole(); }

}  // namespace nalar::eval
