#include "data/csv_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "data/data_file.h"

namespace nalar::data {
namespace {

class TableReader {
 public:
  TableReader(std::string_view text, char separator) : text_(text), separator_(separator) {}

  int64_t line() const { return row_line_; }

  // The fields of the next row that is not blank; false at the end.
  bool next(std::vector<std::string>& fields) {
    while (at_ < text_.size() && is_line_end()) take_line_end();
    if (at_ >= text_.size()) return false;
    row_line_ = line_;
    row_begin_ = at_;
    fields.clear();
    for (;;) {
      fields.push_back(opens_quote() ? quoted() : plain());
      if (at_ >= text_.size()) return true;
      if (is_line_end()) {
        take_line_end();
        return true;
      }
      if (text_[at_] != separator_) fail("text after a closing quote");
      ++at_;
    }
  }

 private:
  bool is_line_end(size_t at) const {
    return at >= text_.size() || text_[at] == '\n' || text_.substr(at, 2) == "\r\n";
  }
  bool is_line_end() const { return at_ < text_.size() && is_line_end(at_); }
  void take_line_end() {
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
  }

  bool opens_quote() const {
    if (at_ >= text_.size() || text_[at_] != '"') return false;
    if (separator_ != '\t') return true;
    for (size_t end = at_ + 1; !is_line_end(end); ++end) {
      if (text_[end] != '"') continue;
      if (text_.substr(end + 1, 1) == "\"") {
        ++end;
      } else {
        return is_line_end(end + 1) || text_[end + 1] == separator_;
      }
    }
    return false;
  }

  std::string plain() {
    const size_t begin = at_;
    while (!is_line_end(at_) && text_[at_] != separator_) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
    std::string field;
    for (++at_;; ++at_) {
      if (at_ >= text_.size() || at_ - row_begin_ > kMaxRowBytes) fail("a quote is not closed");
      if (text_[at_] == '"') {
        if (text_.substr(at_ + 1, 1) != "\"") break;
        ++at_;
      } else if (text_[at_] == '\n') {
        ++line_;
      } else if (is_line_end()) {
        continue;  // the CR of a CR LF
      }
      field += text_[at_];
    }
    ++at_;
    return field;
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(ErrorKind::bad_data, fmt::format("line {}: {}", row_line_, what));
  }

  std::string_view text_;
  char separator_;
  size_t at_ = 0;
  size_t row_begin_ = 0;
  int64_t line_ = 1;
  int64_t row_line_ = 1;
};

std::vector<std::string> counted_header(size_t n) {
  std::vector<std::string> names;
  for (size_t i = 1; i <= n; ++i) names.push_back(std::to_string(i));
  return names;
}

void check_header(const std::vector<std::string>& header, const Columns& columns) {
  for (size_t i = 0; i < header.size(); ++i) {
    if (!base::is_valid_utf8(header[i])) {
      throw Error(ErrorKind::bad_data, "line 1: a column's name is no UTF-8");
    }
    if (std::find(header.begin(), header.begin() + static_cast<ptrdiff_t>(i), header[i]) !=
        header.begin() + static_cast<ptrdiff_t>(i)) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("line 1: column \"{}\" is there twice", base::escaped(header[i])));
    }
  }
  try {
    columns.check(header);
  } catch (const Error& e) {
    throw Error(e.kind(), fmt::format("line 1: {}", e.what()), e.hint());
  }
}

Row row_of(std::vector<std::string>& fields, const std::vector<std::string>& header, int64_t line) {
  Row row;
  row.line = line;
  const auto problem = [&](const std::string& what) {
    row.problem.emplace(ErrorKind::bad_data, what);
  };
  if (fields.size() != header.size()) {
    problem(fmt::format("got {} columns, need {}", fields.size(), header.size()));
    return row;
  }
  Json::Object object;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!base::is_valid_utf8(fields[i])) {
      problem(fmt::format("column {} is no UTF-8", base::escaped(header[i])));
      return row;
    }
    object.emplace_back(header[i], std::move(fields[i]));
  }
  row.fields = std::move(object);
  return row;
}

}  // namespace

void read_table(std::string_view text, char separator, const Columns& columns,
                const RowSink& sink) {
  TableReader reader(text, separator);
  std::vector<std::string> fields;
  if (!reader.next(fields)) return;
  const std::vector<std::string> header =
      columns.counted() ? counted_header(fields.size()) : fields;
  check_header(header, columns);
  if (!columns.counted() && !reader.next(fields)) return;
  do {
    sink(row_of(fields, header, reader.line()));
  } while (reader.next(fields));
}

void read_table(std::string_view text, char separator, const std::vector<std::string>& header,
                const RowSink& sink) {
  TableReader reader(text, separator);
  std::vector<std::string> fields;
  while (reader.next(fields)) sink(row_of(fields, header, reader.line()));
}

}  // namespace nalar::data
