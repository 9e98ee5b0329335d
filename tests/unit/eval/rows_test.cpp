#include "eval/rows.h"

#include <fstream>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"

namespace nalar::eval {
namespace {

using nalar::test::error_of;

std::string file(const std::string& name, const std::string& content) {
  const std::string path = nalar::test::temporary_folder() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string rows_text(const Rows& rows) {
  std::string out;
  for (const Row& row : rows.rows) out += std::to_string(row.line) + to_text(row.fields) + "\n";
  return out;
}

TEST_CASE("JSON lines keep the numbers of their lines") {
  CHECK(rows_text(read_rows(file("a.jsonl", "{\"a\":1}\n\n  \n{\"a\":\"x\"}"))) ==
        "1{\"a\":1}\n4{\"a\":\"x\"}\n");
}

TEST_CASE("a JSON array is numbered by its rows") {
  CHECK(rows_text(read_rows(file("a.json", "[{\"a\":1},\n{\"a\":[2]}]"))) ==
        "1{\"a\":1}\n2{\"a\":[2]}\n");
}

TEST_CASE("CSV: quotes, commas and line breaks in fields, CRLF, a byte order mark") {
  const auto rows =
      read_rows(file("a.csv", "\xef\xbb\xbftext,label\r\n\"a, \"\"b\"\"\nc\",x\r\n\r\nplain,\r\n"));
  CHECK(rows_text(rows) ==
        "2{\"text\":\"a, \\\"b\\\"\\nc\",\"label\":\"x\"}\n5{\"text\":\"plain\",\"label\":\"\"}\n");
}

TEST_CASE("TSV may be without a header, and a lone quote is text") {
  CHECK(rows_text(read_rows(file("a.tsv", "\"q\tx\nr\ty\n"), {"text", "label"})) ==
        "1{\"text\":\"\\\"q\",\"label\":\"x\"}\n2{\"text\":\"r\",\"label\":\"y\"}\n");
}

TEST_CASE("what is wrong with a file is told with its line") {
  const auto error = [](const char* name, const char* content) {
    return error_of([&] { read_rows(file(name, content)); });
  };
  using Catch::Contains;
  CHECK_THAT(error("a.jsonl", "{}\n{\"a\":}\n"), Contains("a.jsonl: line 2: JSON error"));
  CHECK_THAT(error("a.jsonl", "{}\n[1]\n"), Contains("line 2: got array, need an object"));
  CHECK_THAT(error("a.jsonl", "{\"a\":\"\xff\"}\n"), Contains("line 1: "));
  CHECK_THAT(error("a.json", "[{},3]"), Contains("a.json: row 2: got integer, need an object"));
  CHECK_THAT(error("a.csv", "a,b\n1,2\n3\n"), Contains("line 3: got 1 columns, need 2"));
  CHECK_THAT(error("a.csv", "a,b\n\"x,2\n3,4\n"), Contains("line 2: a quote is not closed"));
  CHECK_THAT(error("a.csv", "a,b\n\"x\"y,2\n"), Contains("line 2: text after a closing quote"));
  CHECK_THAT(error("a.csv", "a,b\n1,\xe9\n"), Contains("line 2: column b is no UTF-8"));
  CHECK_THAT(error("a.csv", "a,a\n1,2\n"), Contains("line 1: column \"a\" is there twice"));
  CHECK_THAT(error("a.csv", "a,b\n"), Contains("no rows"));
  CHECK_THAT(error("a.jsonl", ""), Contains("the file is empty"));
  CHECK_THAT(error("a.jsonl", "\xff\xfe{\0"), Contains("this looks like UTF-16"));
  CHECK_THAT(error("a.csv", "\x1f\x8b\x08"), Contains("gzip"));
  CHECK_THAT(error("a.parquet", "PAR1"), Contains("need a .jsonl, .json, .csv, .tsv or .txt file"));
  CHECK_THAT(error_of([&] {
               read_rows(file("a.tsv", "x\ty\tz\n"), {"text", "label"});
             }),
             Contains("line 1: got 3 columns, need 2"));
}

}  // namespace
}  // namespace nalar::eval
