#pragma once

#include <string>
#include <string_view>

#include "data/columns.h"
#include "data/row.h"

namespace nalar::data {

enum class FileKind { jsonl, json, csv, tsv, txt };

// By the suffix. Errors: no_input for any other.
FileKind file_kind(std::string_view path);

// What a row's number counts: "row", the elements of a .json file, or "line".
std::string_view row_word(std::string_view path);

// The text of a file without its byte order mark. Errors: bad_data where it is no UTF-8 text at
// all: UTF-16, an archive, a binary file; empty or blank.
std::string_view text_of_file(std::string_view content, FileKind kind);

// The most bytes that one row may take.
inline constexpr size_t kMaxRowBytes = size_t{64} << 20;

// Hands every row to `sink`, in order; a row that cannot be read comes with its problem. `columns`
// is only asked how a table is to be read; renaming is the caller's. A .txt file is one row with
// the field "text" (CR LF as LF). Errors: bad_data where the file cannot be cut into rows.
void read_rows(std::string_view text, FileKind kind, const Columns& columns, const RowSink& sink);

}  // namespace nalar::data
