#include "eval/rows.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>

#include <string_view>

#include "base/digest.h"
#include "base/utf8.h"

namespace nalar::eval {
namespace {

constexpr size_t kMaxBytes = size_t{2} << 30;

[[noreturn]] void fail(int64_t line, const std::string& message) {
  throw Error(ErrorKind::bad_data, fmt::format("line {}: {}", line, message));
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::vector<Row> json_lines(std::string_view text) {
  std::vector<Row> rows;
  int64_t line = 0;
  for (size_t at = 0; at < text.size();) {
    ++line;
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view content = text.substr(at, end - at);
    at = end + 1;
    if (is_blank(content)) continue;
    Json row;
    try {
      row = parse_json(content, {.max_bytes = kMaxBytes});
    } catch (const Error& error) {
      fail(line, error.what());
    }
    if (!row.is_object()) fail(line, fmt::format("got {}, need an object", row.kind_name()));
    rows.push_back({std::move(row), line});
  }
  return rows;
}

std::vector<Row> json_array(std::string_view text) {
  Json json = parse_json(text, {.max_bytes = kMaxBytes});
  if (!json.is_array()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("got {}, need an array of objects", json.kind_name()));
  }
  std::vector<Row> rows;
  for (Json& row : json.as_array()) {
    const auto number = static_cast<int64_t>(rows.size()) + 1;
    if (!row.is_object()) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("row {}: got {}, need an object", number, row.kind_name()));
    }
    rows.push_back({std::move(row), number});
  }
  return rows;
}

// Cuts a text into records of fields.
class Separated {
 public:
  Separated(std::string_view text, char separator, bool quotes)
      : text_(text), separator_(separator), quotes_(quotes) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  // False at the end of the text. Blank lines are left out.
  bool next(std::vector<std::string>& fields, int64_t& line) {
    fields.clear();
    while (at_ < text_.size() && is_line_end()) end_line();
    if (at_ >= text_.size()) return false;
    line = line_;
    while (true) {
      fields.push_back(quotes_ && text_[at_] == '"' ? quoted() : plain());
      if (!base::is_valid_utf8(fields.back())) fail(line, "got bytes that are no UTF-8");
      if (at_ < text_.size() && text_[at_] == separator_) {
        ++at_;
        if (at_ < text_.size()) continue;
        fields.emplace_back();
      }
      if (at_ < text_.size() && !is_line_end()) fail(line_, "text behind a closing quote");
      if (at_ < text_.size()) end_line();
      return true;
    }
  }

 private:
  bool is_line_end() const {
    return text_[at_] == '\n' ||
           (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }
  void end_line() {
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
  }
  std::string plain() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != separator_ && !is_line_end()) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string quoted() {
    const int64_t begin = line_;
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          return out;
        }
        ++at_;
      }
      line_ += text_[at_] == '\n';
      out += text_[at_];
    }
    fail(begin, "a quote is not closed");
  }

  std::string_view text_;
  char separator_;
  bool quotes_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

std::vector<Row> separated(std::string_view text, char separator,
                           std::vector<std::string> columns) {
  Separated records(text, separator, separator == ',');
  std::vector<std::string> fields;
  int64_t line = 0;
  if (columns.empty() && records.next(fields, line)) columns = fields;
  std::vector<Row> rows;
  while (records.next(fields, line)) {
    if (fields.size() != columns.size()) {
      fail(line, fmt::format("got {} fields, need {}", fields.size(), columns.size()));
    }
    Json::Object row;
    for (size_t i = 0; i < fields.size(); ++i) row.emplace_back(columns[i], fields[i]);
    rows.push_back({std::move(row), line});
  }
  return rows;
}

}  // namespace

Rows read_rows(const std::string& path, const std::vector<std::string>& columns) {
  const std::string text = read_input(path, kMaxBytes);
  Rows out{path, {}, base::sha256_hex(text)};
  try {
    if (path.ends_with(".jsonl")) {
      out.rows = json_lines(text);
    } else if (path.ends_with(".json")) {
      out.rows = json_array(text);
    } else if (path.ends_with(".csv") || path.ends_with(".tsv")) {
      out.rows = separated(text, path.ends_with(".csv") ? ',' : '\t', columns);
    } else {
      throw Error(ErrorKind::usage, "need a file that ends in .jsonl, .json, .csv or .tsv");
    }
    if (out.rows.empty()) throw Error(ErrorKind::bad_data, "no rows");
  } catch (const Error& error) {
    throw error.in_file(path);
  }
  return out;
}

}  // namespace nalar::eval
