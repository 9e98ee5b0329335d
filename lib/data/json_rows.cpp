#include "data/json_rows.h"

#include <algorithm>

#include "data/data_file.h"
#include "io/json_walk.h"

namespace nalar::data {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

Json parse_row(std::string_view text) {
  Json fields = parse_json(text, {.max_bytes = kMaxRowBytes, .max_depth = 64});
  if (!fields.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("got {}, need an object", fields.kind_name()));
  }
  return fields;
}

// "JSON error (at line 1, column C)" of a text that is one line.
Error without_line(const Error& e) {
  constexpr std::string_view kLine = "(at line 1, ";
  std::string message = e.what();
  const size_t at = message.find(kLine);
  if (at != std::string::npos) message.replace(at, kLine.size(), "(at ");
  return Error(e.kind(), message, e.hint());
}

Row row_of(std::string_view text, int64_t line) {
  Row row;
  row.line = line;
  try {
    row.fields = parse_row(text);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::bad_data) throw;
    row.problem = without_line(e);
  }
  return row;
}

// Cuts values apart without understanding them: it only follows strings and brackets.
class ArrayCutter {
 public:
  explicit ArrayCutter(std::string_view text) : text_(text) { skip_blank(); }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool at_end() const { return at_ >= text_.size(); }

  void take(char c) {
    if (peek() != c || at_end()) fail(fmt::format("need '{}'", c));
    ++at_;
    skip_blank();
  }

  // The value that begins here.
  std::string_view value() {
    const size_t begin = at_;
    int64_t depth = 0;
    for (bool whole = false; !whole && !at_end();) {
      const char c = text_[at_];
      const bool closing = c == '}' || c == ']';
      if (depth == 0 && (closing || c == ',' || c == ':' || kBlank.find(c) != kBlank.npos)) break;
      if (c == '{' || c == '[') ++depth;
      if (closing) --depth;
      if (c == '"') {
        string();
      } else {
        ++at_;
      }
      whole = depth == 0 && (closing || c == '"');
    }
    if (depth > 0) fail("unexpected end of the text");
    if (at_ == begin) fail("need a value");
    const std::string_view found = text_.substr(begin, at_ - begin);
    skip_blank();
    return found;
  }

  [[noreturn]] void fail(std::string_view reason) const {
    io::throw_json_error(text_, std::min(at_, text_.size()), reason);
  }

 private:
  void skip_blank() { at_ = std::min(text_.find_first_not_of(kBlank, at_), text_.size()); }

  void string() {
    for (++at_; !at_end() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    if (at_end()) fail("a string does not end");
    ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

void read_array(ArrayCutter& cutter, const RowSink& sink) {
  cutter.take('[');
  if (cutter.peek() == ']') return cutter.take(']');
  for (int64_t n = 1;; ++n) {
    sink(row_of(cutter.value(), n));
    if (cutter.peek() == ']') return cutter.take(']');
    cutter.take(',');
  }
}

// {"data": [ … ]}: the position of the array, unless the key is a row's own.
bool skip_to_only_list(ArrayCutter& cutter) {
  ArrayCutter ahead = cutter;
  ahead.take('{');
  if (ahead.peek() != '"') return false;
  const std::string_view key = ahead.value();
  if (key == "\"messages\"" || key == "\"conversations\"" || ahead.peek() != ':') return false;
  ahead.take(':');
  if (ahead.peek() != '[') return false;
  ArrayCutter after = ahead;
  after.value();
  if (after.peek() != '}') return false;
  cutter = ahead;
  return true;
}

}  // namespace

void read_json_lines(std::string_view text, const RowSink& sink) {
  for (int64_t line = 1; !text.empty(); ++line) {
    const std::string_view row = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), row.size() + 1));
    if (row.find_first_not_of(kBlank) != std::string_view::npos) sink(row_of(row, line));
  }
}

void read_json(std::string_view text, const RowSink& sink) {
  ArrayCutter cutter(text);
  if (cutter.peek() == '[') {
    read_array(cutter, sink);
  } else if (cutter.peek() != '{') {
    cutter.fail("need an array of rows");
  } else if (skip_to_only_list(cutter)) {
    read_array(cutter, sink);
    cutter.take('}');
  } else {
    const std::string_view row = cutter.value();
    if (!cutter.at_end()) return read_json_lines(text, sink);
    sink(row_of(row, 1));
  }
  if (!cutter.at_end()) cutter.fail("text after the last row");
}

}  // namespace nalar::data
