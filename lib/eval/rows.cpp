#include "eval/rows.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>

#include <charconv>
#include <optional>

#include "base/digest.h"
#include "data/csv_reader.h"
#include "data/data_file.h"

namespace nalar::eval {
namespace {

constexpr size_t kMaxBytes = size_t{2} << 30;

std::optional<int64_t> integer_of(std::string_view text) {
  int64_t integer = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, integer);
  return error == std::errc{} && rest == end ? std::optional(integer) : std::nullopt;
}

}  // namespace

std::string Rows::place(const Row& row) const {
  return fmt::format("{} {}", data::row_word(path), row.line);
}

Rows read_rows(const std::string& path, const std::vector<std::string>& columns) {
  const data::FileKind kind = data::file_kind(path);
  const std::string text = read_input(path, kMaxBytes);
  Rows out{
      path, {}, base::sha256_hex(text), kind == data::FileKind::csv || kind == data::FileKind::tsv};
  const auto keep = [&](data::Row&& row) {
    out.rows.push_back({std::move(row.fields), row.line});
    if (!row.problem) return;
    const Error& problem = *row.problem;
    throw Error(problem.kind(), fmt::format("{}: {}", out.place(out.rows.back()), problem.what()),
                problem.hint());
  };
  try {
    const std::string_view content = data::text_of_file(text, kind);
    if (out.table && !columns.empty()) {
      data::read_table(content, kind == data::FileKind::csv ? ',' : '\t', columns, keep);
    } else {
      data::read_rows(content, kind, data::Columns(), keep);
    }
    if (out.rows.empty()) throw Error(ErrorKind::bad_data, "no rows");
  } catch (const Error& error) {
    throw error.in_file(path);
  }
  return out;
}

void take_integers(std::string_view column, Rows& rows) {
  if (!rows.table) return;
  std::vector<int64_t> integers;
  for (const Row& row : rows.rows) {
    const auto integer = integer_of(row.fields.find(column)->as_string());
    if (!integer) return;
    integers.push_back(*integer);
  }
  for (size_t i = 0; i < integers.size(); ++i) {
    rows.rows[i].fields.set(std::string(column), integers[i]);
  }
}

}  // namespace nalar::eval
