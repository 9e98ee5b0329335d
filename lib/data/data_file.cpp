#include "data/data_file.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "data/csv_reader.h"
#include "data/json_rows.h"
#include "io/content_kind.h"

namespace nalar::data {
namespace {

[[noreturn]] void no_text(std::string_view what, std::string hint = {}) {
  throw Error(ErrorKind::bad_data, fmt::format("not UTF-8 text: {}", what), std::move(hint));
}

void refuse_binary(std::string_view content) {
  using io::ContentKind;
  switch (io::content_kind(content)) {
    case ContentKind::gzip:
      no_text("this is gzip-compressed", "unpack it with gunzip first");
    case ContentKind::zip:
      no_text("this is a zip archive", "unpack it first");
    case ContentKind::git_lfs_pointer:
      no_text("this is a Git LFS pointer, not the file itself",
              "git lfs pull, in the folder it was cloned to");
    case ContentKind::gguf:
    case ContentKind::safetensors:
      no_text("this is a model file");
    case ContentKind::pickle:
      io::refuse_pickle();
    default:
      break;
  }
  if (content.starts_with("PAR1")) no_text("this is a Parquet file", "write it as .jsonl first");
  const std::string_view start = content.substr(0, 4096);
  const auto zeros = static_cast<size_t>(std::count(start.begin(), start.end(), '\0'));
  // Half of the bytes of Latin text in UTF-16 are zero.
  const bool utf16 =
      start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF") || zeros > start.size() / 3;
  if (utf16) no_text("this looks like UTF-16", "iconv -f UTF-16 -t UTF-8");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

void read_text(std::string_view text, const RowSink& sink) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    plain += text[i];
  }
  sink({Json::Object{{"text", std::move(plain)}}, 1, {}});
}

}  // namespace

FileKind file_kind(std::string_view path) {
  struct Suffix {
    std::string_view text;
    FileKind kind;
  };
  constexpr std::array<Suffix, 5> kSuffixes = {{{".jsonl", FileKind::jsonl},
                                                {".json", FileKind::json},
                                                {".csv", FileKind::csv},
                                                {".tsv", FileKind::tsv},
                                                {".txt", FileKind::txt}}};
  const std::string name = lower(path);
  for (const Suffix& suffix : kSuffixes) {
    if (name.ends_with(suffix.text)) return suffix.kind;
  }
  throw Error(ErrorKind::no_input, "no data set: need a .jsonl, .json, .csv, .tsv or .txt file")
      .in_file(path);
}

std::string_view row_word(std::string_view path) {
  return lower(path).ends_with(".json") ? "row" : "line";
}

std::string_view text_of_file(std::string_view content, FileKind kind) {
  refuse_binary(content);
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  if (content.starts_with(kBom)) content.remove_prefix(kBom.size());
  if (content.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    throw Error(ErrorKind::bad_data, "no examples: the file is empty");
  }
  if (kind == FileKind::txt) {
    for (size_t at = 0; at < content.size();) {
      const base::Utf8Char c = base::decode_utf8(content, at);
      if (!c.valid || c.code == 0)
        no_text(
            fmt::format("got 0x{:02x} (at byte {})", static_cast<unsigned char>(content[at]), at));
      at += static_cast<size_t>(c.length);
    }
  }
  return content;
}

void read_rows(std::string_view text, FileKind kind, const Columns& columns, const RowSink& sink) {
  switch (kind) {
    case FileKind::jsonl:
      return read_json_lines(text, sink);
    case FileKind::json:
      return read_json(text, sink);
    case FileKind::csv:
    case FileKind::tsv:
      return read_table(text, kind == FileKind::tsv ? '\t' : ',', columns, sink);
    case FileKind::txt:
      return read_text(text, sink);
  }
}

}  // namespace nalar::data
