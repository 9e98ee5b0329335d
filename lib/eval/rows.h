#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nalar::eval {

// A row of a data file: its fields by name.
struct Row {
  Json fields;       // an object
  int64_t line = 0;  // where it begins, from 1; of a .json file: which row, from 1
};

struct Rows {
  std::string path;
  std::vector<Row> rows;
  std::string sha256;  // of the file
};

// Reads .jsonl, .json (an array of objects), .csv (RFC 4180) and .tsv (nothing is quoted), told by
// the suffix. `columns` names the columns of a .csv or .tsv without a header line. Errors:
// no_input; bad_data "FILE: line L: …".
Rows read_rows(const std::string& path, const std::vector<std::string>& columns = {});

}  // namespace nalar::eval
