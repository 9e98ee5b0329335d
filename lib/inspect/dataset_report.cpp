#include <fmt/format.h>
#include <nalar/dataset.h>
#include <nalar/inspect.h>

#include <map>

#include "base/digest.h"
#include "data/data_file.h"
#include "data/row_format.h"
#include "io/file_system.h"

namespace nalar {
namespace {

// Rows with a problem that are told one by one.
constexpr size_t kMaxProblems = 20;

class DatasetInspector {
 public:
  explicit DatasetInspector(const std::string& path) : path_(path), kind_(data::file_kind(path)) {}

  Inspection run(const Tokenizer* tokenizer, const ChatTemplate* chat) {
    const auto file = io::file_system().map(path_);
    report_.set("path", path_);
    report_.set("format", "data set");
    report_.set("bytes", static_cast<int64_t>(file->bytes().size()));
    report_.set("sha256", base::sha256_hex(file->text()));
    try {
      data::read_rows(data::text_of_file(file->text(), kind_), kind_, {},
                      [this](data::Row&& row) { take(row); });
    } catch (const Error& e) {
      throw e.in_file(path_);
    }
    report_.set("rows", rows_);
    report_.set("row_formats", counts(formats_));
    report_.set("fields", counts(fields_));
    if (tokenizer != nullptr) add_tokens(*tokenizer, chat);
    if (!problems_.empty()) report_.set("problems", std::move(problems_));
    return {std::move(report_), std::move(problem_)};
  }

 private:
  void take(const data::Row& row) {
    ++rows_;
    try {
      if (row.problem) throw *row.problem;
      for (const auto& member : row.fields.as_object()) ++fields_[member.first];
      ++formats_[std::string(data::name(data::parse_row(row.fields, true).format))];
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::bad_data) throw;
      const std::string place = fmt::format("{} {}", data::row_word(path_), row.line);
      tell(Error(e.kind(), fmt::format("{}: {}", place, e.what()), e.hint()).in_file(path_));
    }
  }

  void tell(const Error& e) {
    if (!problem_) problem_ = e;
    if (problems_.size() < kMaxProblems) problems_.emplace_back(e.what());
  }

  void add_tokens(const Tokenizer& tokenizer, const ChatTemplate* chat) {
    DatasetOptions options;
    options.paths = {path_};
    options.skip_bad = true;
    try {
      const DatasetReport report = open_dataset(options, tokenizer, chat)->report();
      report_.set("tokens", Json::Object{{"rows", report.rows},
                                         {"total", report.tokens},
                                         {"learned", report.learned},
                                         {"shortest", report.shortest},
                                         {"median", report.median},
                                         {"longest", report.longest},
                                         {"max_length", options.max_length},
                                         {"truncated", report.truncated},
                                         {"without_learned", report.without_learned},
                                         {"duplicates", report.duplicates},
                                         {"bad", static_cast<int64_t>(report.bad.size())}});
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::bad_data) throw;
      tell(e);
    }
  }

  static Json counts(const std::map<std::string, int64_t>& of) {
    Json::Object all;
    for (const auto& [name, n] : of) all.emplace_back(name, n);
    return all;
  }

  std::string path_;
  data::FileKind kind_;
  int64_t rows_ = 0;
  std::map<std::string, int64_t> formats_, fields_;
  Json report_{Json::Object{}};
  Json::Array problems_;
  std::optional<Error> problem_;
};

}  // namespace

bool is_dataset(const std::string& path) {
  try {
    if (io::file_system().kind(path) != io::PathKind::file) return false;
    if (data::file_kind(path) != data::FileKind::json) return true;
    const auto file = io::file_system().map(path);
    const size_t first = file->text().find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    return first != std::string_view::npos && file->text()[first] == '[';
  } catch (const Error&) {
    return false;
  }
}

Inspection inspect_dataset(const std::string& path, const Tokenizer* tokenizer,
                           const ChatTemplate* chat) {
  return DatasetInspector(path).run(tokenizer, chat);
}

}  // namespace nalar
