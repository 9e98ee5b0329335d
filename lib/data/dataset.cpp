#include <nalar/dataset.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/digest.h"
#include "data/columns.h"
#include "data/data_file.h"
#include "data/encode_row.h"
#include "data/text_rows.h"
#include "io/file_system.h"

namespace nalar {
namespace data {
namespace {

class LoadedDataset final : public Dataset {
 public:
  LoadedDataset(std::vector<Example> examples, DatasetReport report, std::vector<std::string> paths)
      : examples_(std::move(examples)), report_(std::move(report)), paths_(std::move(paths)) {}
  const std::vector<Example>& examples() const override { return examples_; }
  const DatasetReport& report() const override { return report_; }
  const std::vector<std::string>& paths() const override { return paths_; }

 private:
  std::vector<Example> examples_;
  DatasetReport report_;
  std::vector<std::string> paths_;
};

// FNV-1a over ids and marks: only to find candidates for equal rows.
uint64_t fingerprint(const Example& example) {
  uint64_t hash = 0xCBF29CE484222325;
  for (size_t i = 0; i < example.ids.size(); ++i) {
    const auto word =
        static_cast<uint64_t>(static_cast<uint32_t>(example.ids[i])) << 1 | example.learned[i];
    hash = (hash ^ word) * 0x100000001B3;
  }
  return hash;
}

class Loader {
 public:
  Loader(const DatasetOptions& options, const EncodeContext& context,
         const std::function<bool()>& stopped)
      : options_(options), context_(context), stopped_(stopped), columns_(options.columns) {}

  std::shared_ptr<const Dataset> run() {
    for (const std::string& path : options_.paths) {
      path_ = path;
      try {
        read_file();
      } catch (const Error& e) {
        throw e.in_file(path);
      }
      ++file_;
    }
    if (examples_.empty()) nothing();
    report_.sha256 = digest_.hex();
    summarize();
    return std::make_shared<LoadedDataset>(std::move(examples_), std::move(report_),
                                           options_.paths);
  }

 private:
  void read_file() {
    kind_ = file_kind(path_);
    const auto file = io::file_system().map(path_);
    digest_.update(file->bytes());
    const int64_t before = rows_read_;
    read_rows(text_of_file(file->text(), kind_), kind_, columns_,
              [this](Row&& row) { take(std::move(row)); });
    if (rows_read_ == before) throw Error(ErrorKind::bad_data, "no examples");
  }

  void take(Row&& row) {
    if (stopped_ && rows_read_ % 64 == 0 && stopped_()) {
      throw Error(ErrorKind::try_again, "stopped while the data was read");
    }
    ++rows_read_;
    try {
      if (row.problem) throw *row.problem;
      if (kind_ == FileKind::txt) return take_text(row.fields.find("text")->as_string());
      const ParsedRow parsed =
          parse_row(columns_.rename(std::move(row.fields)), context_.chat != nullptr);
      add(encode_row(parsed, context_), parsed.format, row.line);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::bad_data) throw;
      bad(row.line, e);
    }
  }

  void take_text(const std::string& text) {
    for (auto& [example, line] : cut_text(text, context_.tokenizer, options_.max_length)) {
      add(std::move(example), Format::text, line);
    }
  }

  void bad(int64_t line, const Error& e) {
    const std::string place = fmt::format("{} {}", row_word(path_), line);
    if (!options_.skip_bad) {
      throw Error(e.kind(), fmt::format("{}: {}", place, e.what()), e.hint());
    }
    report_.bad.push_back({fmt::format("{}: {}", path_, place), e.what()});
  }

  void add(Example example, Format format, int64_t line) {
    example.file = file_;
    example.line = line;
    const auto most = static_cast<size_t>(options_.max_length);
    if (example.ids.size() > most) {
      if (options_.on_long == OnLong::error) {
        throw Error(
            ErrorKind::bad_data,
            fmt::format("too long: got {} tokens, need at most {}", example.ids.size(), most),
            "--max-length, or --on-long truncate or drop");
      }
      if (options_.on_long == OnLong::drop) {
        ++report_.dropped;
        return;
      }
      example.ids.resize(most);
      example.learned.resize(most);
      example.truncated = true;
    }
    if (example.n_learned() == 0) {
      ++report_.without_learned;
      return;
    }
    count_duplicate(example);
    report_.truncated += example.truncated ? 1 : 0;
    ++by_format_[static_cast<size_t>(format)];
    examples_.push_back(std::move(example));
  }

  // REQUIRES that the example is the next to be kept.
  void count_duplicate(const Example& example) {
    const uint64_t key = fingerprint(example);
    const auto [first, last] = seen_.equal_range(key);
    const bool known = std::any_of(first, last, [&](const auto& entry) {
      const Example& other = examples_[entry.second];
      return other.ids == example.ids && other.learned == example.learned;
    });
    if (known) {
      ++report_.duplicates;
    } else {
      seen_.emplace(key, examples_.size());
    }
  }

  [[noreturn]] void nothing() const {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("nothing to train on: of {} rows {} have nothing to learn, {} are too "
                    "long, {} are bad",
                    rows_read_, report_.without_learned, report_.dropped, report_.bad.size()),
        report_.bad.empty() ? "--max-length, --learn, --preview"
                            : report_.bad[0].place + ": " + report_.bad[0].problem)
        .in_file(options_.paths[0]);
  }

  void summarize() {
    std::vector<int64_t> lengths;
    for (const Example& example : examples_) {
      lengths.push_back(static_cast<int64_t>(example.ids.size()));
      report_.tokens += lengths.back();
      report_.learned += example.n_learned();
    }
    std::sort(lengths.begin(), lengths.end());
    report_.rows = static_cast<int64_t>(lengths.size());
    report_.shortest = lengths.front();
    report_.median = lengths[(lengths.size() - 1) / 2];
    report_.longest = lengths.back();
    for (size_t f = 0; f < by_format_.size(); ++f) {
      if (by_format_[f] == 0) continue;
      report_.formats.emplace_back(name(static_cast<Format>(f)), by_format_[f]);
    }
  }

  const DatasetOptions& options_;
  const EncodeContext& context_;
  const std::function<bool()>& stopped_;
  Columns columns_;
  std::string path_;
  FileKind kind_ = FileKind::jsonl;
  int32_t file_ = 0;
  int64_t rows_read_ = 0;
  base::Sha256 digest_;
  std::vector<Example> examples_;
  std::unordered_multimap<uint64_t, size_t> seen_;
  std::array<int64_t, 6> by_format_ = {};
  DatasetReport report_;
};

}  // namespace
}  // namespace data

std::string describe(const DatasetReport& r) {
  const double share =
      r.tokens > 0 ? 100.0 * static_cast<double>(r.learned) / static_cast<double>(r.tokens) : 0;
  std::string text = fmt::format(
      "{} rows, {} tokens, of them {} learned ({:.1f} %); a row has {} to {} tokens, median {}",
      r.rows, r.tokens, r.learned, share, r.shortest, r.longest, r.median);
  const std::pair<int64_t, const char*> notable[] = {{r.truncated, "truncated"},
                                                     {r.dropped, "dropped as too long"},
                                                     {r.without_learned, "with nothing to learn"},
                                                     {r.duplicates, "equal to an earlier one"},
                                                     {static_cast<int64_t>(r.bad.size()), "bad"}};
  for (const auto& [n, what] : notable) {
    if (n > 0) text += fmt::format("; {} {}", n, what);
  }
  return text;
}

void DatasetOptions::validate() const {
  if (paths.empty()) throw Error(ErrorKind::usage, "DATA is missing");
  if (max_length < 2) {
    throw Error(ErrorKind::usage, fmt::format("--max-length: got {}, need at least 2", max_length));
  }
  data::Columns{columns};
}

std::shared_ptr<const Dataset> open_dataset(const DatasetOptions& options,
                                            const Tokenizer& tokenizer, const ChatTemplate* chat,
                                            const std::function<bool()>& stopped) {
  options.validate();
  int64_t rewritten = 0;
  const data::EncodeContext context{tokenizer, chat, options.learn, &rewritten};
  auto dataset = data::Loader(options, context, stopped).run();
  if (rewritten > 0) {
    notice(
        fmt::format("the chat template rewrites earlier turns ({} rows): of these, the message's "
                    "own text and its end token are learned",
                    rewritten));
  }
  return dataset;
}

}  // namespace nalar
